//! The look: `install(ctx: &egui::Context)` puts the fonts in, `apply(ctx, &Settings)` the theme and the zoom,
//! `warm_up(ctx)` lays out the alphabet in every font and size, so that the first pop finds its glyphs ready.
