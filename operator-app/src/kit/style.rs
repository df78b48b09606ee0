//! Hands the tokens to egui, so that its own widgets look like ours.

use egui::{Color32, CornerRadius, CursorIcon, Margin, Shadow, Stroke, TextStyle, Theme, Vec2, Visuals};

use super::tokens::{self, DARK, LIGHT, Tokens, Tone};

pub fn install(ctx: &egui::Context) {
    for (theme, tokens) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.text_styles = [
                (TextStyle::Small, tokens::caption()),
                (TextStyle::Body, tokens::body()),
                (TextStyle::Button, tokens::body()),
                (TextStyle::Heading, tokens::title()),
                (TextStyle::Monospace, tokens::body()),
            ]
            .into();
            let spacing = &mut style.spacing;
            spacing.item_spacing = Vec2::new(tokens::space::GAP, tokens::space::TIGHT);
            spacing.button_padding = Vec2::new(12.0, 6.0);
            spacing.interact_size = Vec2::new(32.0, tokens::height::CONTROL);
            spacing.menu_margin = Margin::same(6);
            spacing.scroll.bar_width = 8.0;
            spacing.scroll.floating = true;
            spacing.scroll.fade.strength = 0.0;
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.35;
            style.animation_time = 0.12;
            style.visuals = visuals(theme, tokens);
        });
    }
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = if theme == Theme::Dark { Visuals::dark() } else { Visuals::light() };
    visuals.panel_fill = tokens.canvas;
    visuals.window_fill = tokens.card;
    visuals.extreme_bg_color = tokens.panel;
    visuals.faint_bg_color = tokens.control;
    visuals.text_edit_bg_color = Some(tokens.panel);
    visuals.window_stroke = Stroke::new(1.0, tokens.border);
    visuals.window_corner_radius = CornerRadius::same(tokens::radius::CARD);
    visuals.menu_corner_radius = CornerRadius::same(tokens::radius::CARD);
    visuals.selection.bg_fill = tokens.tinted(Tone::Accent).gamma_multiply(2.2);
    visuals.selection.stroke = Stroke::new(2.0, tokens.accent());
    visuals.hyperlink_color = tokens.accent();
    visuals.warn_fg_color = tokens.tone(Tone::Warn);
    visuals.error_fg_color = tokens.tone(Tone::Bad);
    let shade = if theme == Theme::Dark { 120 } else { 40 };
    visuals.popup_shadow = Shadow { offset: [0, 8], blur: 24, spread: 0, color: Color32::from_black_alpha(shade) };
    visuals.window_shadow = visuals.popup_shadow;
    visuals.interact_cursor = Some(CursorIcon::PointingHand);
    let widgets = &mut visuals.widgets;
    for (state, fill, stroke, text) in [
        (&mut widgets.noninteractive, tokens.panel, tokens.hairline, tokens.text),
        (&mut widgets.inactive, tokens.control, tokens.border, tokens.value),
        (&mut widgets.hovered, tokens.hovered, tokens.border, tokens.value),
        (&mut widgets.active, tokens.border, tokens.accent(), tokens.value),
        (&mut widgets.open, tokens.hovered, tokens.accent(), tokens.value),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, stroke);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = CornerRadius::same(tokens::radius::CONTROL);
        // Nothing grows under the mouse, so nothing moves.
        state.expansion = 0.0;
    }
    visuals
}
