use egui::{Rect, Ui};

use super::data::strip_data;
use crate::kit::widgets;
use crate::state::Scene;

pub const HEIGHT: f32 = 34.0;

/// Lies over `rect`; nothing moves when it comes or goes.
pub fn strip_ui(ui: &Ui, rect: Rect, scene: &Scene<'_>) {
    if let Some(data) = strip_data(scene) {
        widgets::strip(ui, rect, "notice", data.icon, data.words, &data.right, data.tone);
    }
}
