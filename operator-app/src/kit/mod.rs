//! What every screen is made of: colours by meaning, type sizes, icons, fonts and widgets.
//!
//! Begin with [`tokens`], which names the colours and sizes; [`style`] hands them to egui; [`widgets`] paints with
//! them. The kit knows nothing of calls and customers.

pub mod tokens;

pub mod fonts;
pub mod icons;
pub mod style;

pub mod widgets;

/// Makes a fresh context ready to draw: fonts, both themes, no motion but fading.
pub fn install(ctx: &egui::Context) {
    fonts::install(ctx);
    style::install(ctx);
}
