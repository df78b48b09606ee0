//! What every screen is made of: colours by meaning, type sizes, icons, fonts and widgets.
//!
//! Begin with [`tokens`], which names the colours and sizes; [`style`] hands them to egui; [`widgets`] paints with
//! them. The kit knows the names of icons and nothing else of calls and customers.

pub mod tokens;

pub mod fonts;
pub mod icons;
pub mod style;

pub mod widgets;

pub use fonts::warm_up;

use crate::settings::{Settings, Theme};

/// Makes a fresh context ready to draw: fonts, both themes, no motion but fading.
pub fn install(ctx: &egui::Context) {
    fonts::install(ctx);
    style::install(ctx);
}

/// Puts the chosen theme and zoom in; costs nothing when they are so already.
pub fn apply(ctx: &egui::Context, settings: &Settings) {
    let theme = match settings.theme {
        Theme::Dark => egui::Theme::Dark,
        Theme::Light => egui::Theme::Light,
    };
    if ctx.theme() != theme {
        ctx.set_theme(theme);
    }
    if (ctx.zoom_factor() - settings.zoom).abs() > 0.001 {
        ctx.set_zoom_factor(settings.zoom);
    }
}
