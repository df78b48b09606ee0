//! The supervisor's first screen: the floor as it is now. The supervisor can take calls, so the call bar is there
//! whenever a call is.

use egui::{Margin, Rect, Ui, pos2, vec2};

use super::operator::rail_ui;
use crate::command::Requests;
use crate::kit::tokens::{self, space};
use crate::kit::widgets::region;
use crate::panels::{call_bar, floor, strip};
use crate::state::Scene;

pub fn supervisor_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tokens = tokens::of(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.canvas);
    let rest = rail_ui(ui, scene, requests);
    // The bar keeps its place also without a call, so that an arriving one moves nothing.
    let bar = Rect::from_min_size(rest.min, vec2(rest.width(), call_bar::HEIGHT));
    region(ui, "call bar", bar, tokens.panel, Margin::ZERO, |ui| call_bar::call_bar_ui(ui, scene, requests));
    let below = Rect::from_min_max(pos2(rest.left(), bar.bottom()), rest.max);
    region(ui, "floor", below, tokens.canvas, Margin::same(space::REGION as i8), |ui| floor::floor_ui(ui, scene));
    let notice = Rect::from_min_max(pos2(below.left(), below.bottom() - strip::HEIGHT), below.max);
    strip::strip_ui(ui, notice, scene);
}
