//! Colours by meaning, type sizes and spaces. A screen names what it means and never a number.
//!
//! Every text colour keeps a contrast of at least 4.5:1 on every surface here, tinted chips included.

use egui::{Color32, FontId, Ui};

use super::fonts;

/// The colours of one theme.
#[derive(Debug)]
pub struct Tokens {
    /// Behind everything.
    pub canvas: Color32,
    /// A region of the screen: a bar, a list, the dock.
    pub panel: Color32,
    pub card: Color32,
    pub control: Color32,
    pub hovered: Color32,
    /// Between regions and rows.
    pub hairline: Color32,
    /// Around controls.
    pub border: Color32,
    /// What is read first: values, names.
    pub value: Color32,
    pub text: Color32,
    pub caption: Color32,
    accent: Color32,
    ok: Color32,
    warn: Color32,
    bad: Color32,
    legal: Color32,
    message: Color32,
    /// Solid buttons, with white text on them; at most one in a region.
    pub answer_fill: Color32,
    pub hang_up_fill: Color32,
    pub save_fill: Color32,
    tint: u8,
}

/// What a colour says. Never alone: an icon or a word stands beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    /// Selection, focus, in conversation.
    Accent,
    /// Incoming, ready, paid, within target.
    Ok,
    /// Break, due soon, offline.
    Warn,
    /// Debt, overdue, lost, over target: act now, or money owed.
    Bad,
    /// Wrap-up, a benefit by law.
    Legal,
    /// Messages in writing.
    Message,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

pub static DARK: Tokens = Tokens {
    canvas: rgb(0x0D1117),
    panel: rgb(0x12171F),
    card: rgb(0x181F29),
    control: rgb(0x222B37),
    hovered: rgb(0x2A3543),
    hairline: rgb(0x252E3A),
    border: rgb(0x364252),
    value: rgb(0xECF0F5),
    text: rgb(0xB3BECB),
    caption: rgb(0x8593A3),
    accent: rgb(0x6EA8FE),
    ok: rgb(0x3DD68C),
    warn: rgb(0xF5B83D),
    bad: rgb(0xFF7A85),
    legal: rgb(0xB79CFF),
    message: rgb(0x56C8E8),
    answer_fill: rgb(0x14804A),
    hang_up_fill: rgb(0xC9303E),
    save_fill: rgb(0x2563EB),
    tint: 30,
};

pub static LIGHT: Tokens = Tokens {
    canvas: rgb(0xF1F4F8),
    panel: rgb(0xFFFFFF),
    card: rgb(0xFFFFFF),
    control: rgb(0xEEF2F6),
    hovered: rgb(0xE3E9F0),
    hairline: rgb(0xDFE5EC),
    border: rgb(0xC3CDD9),
    value: rgb(0x121A24),
    text: rgb(0x445163),
    caption: rgb(0x596777),
    accent: rgb(0x1D5FD6),
    ok: rgb(0x0E7341),
    warn: rgb(0x8F5A00),
    bad: rgb(0xC22736),
    legal: rgb(0x6B45C6),
    message: rgb(0x0A6A86),
    answer_fill: rgb(0x14804A),
    hang_up_fill: rgb(0xC9303E),
    save_fill: rgb(0x2563EB),
    tint: 26,
};

/// The colours of the theme that `ui` is drawn in.
pub fn of(ui: &Ui) -> &'static Tokens {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

impl Tokens {
    /// The colour of `tone` for text, icons and lines.
    pub const fn tone(&self, tone: Tone) -> Color32 {
        match tone {
            Tone::Plain => self.caption,
            Tone::Accent => self.accent,
            Tone::Ok => self.ok,
            Tone::Warn => self.warn,
            Tone::Bad => self.bad,
            Tone::Legal => self.legal,
            Tone::Message => self.message,
        }
    }

    pub const fn accent(&self) -> Color32 {
        self.accent
    }

    /// The background of a chip or a selected row.
    pub fn tinted(&self, tone: Tone) -> Color32 {
        let colour = self.tone(tone);
        Color32::from_rgba_unmultiplied(colour.r(), colour.g(), colour.b(), self.tint)
    }
}

/// Table heads, key hints, counters, chips.
pub fn caption() -> FontId {
    fonts::medium(11.0)
}

pub fn secondary() -> FontId {
    fonts::regular(12.0)
}

pub fn body() -> FontId {
    fonts::regular(13.0)
}

pub fn strong() -> FontId {
    fonts::semibold(13.0)
}

pub fn input() -> FontId {
    fonts::regular(14.0)
}

pub fn caller() -> FontId {
    fonts::semibold(16.0)
}

/// The name on a card, the figure on its tiles, a screen's title.
pub fn title() -> FontId {
    fonts::semibold(19.0)
}

pub fn timer() -> FontId {
    fonts::semibold(22.0)
}

/// A supervisor's figure.
pub fn figure() -> FontId {
    fonts::semibold(30.0)
}

/// The grid of four.
pub mod space {
    pub const HAIR: f32 = 4.0;
    pub const TIGHT: f32 = 6.0;
    pub const GAP: f32 = 8.0;
    pub const WIDE: f32 = 12.0;
    pub const CARD: f32 = 14.0;
    pub const REGION: f32 = 16.0;
}

/// Corner radii.
pub mod radius {
    pub const CONTROL: u8 = 7;
    pub const BUTTON: u8 = 8;
    pub const CARD: u8 = 10;
}

/// Heights that never change.
pub mod height {
    pub const CONTROL: f32 = 30.0;
    pub const FIELD: f32 = 36.0;
    pub const CALL_CONTROL: f32 = 40.0;
    pub const TABLE_ROW: f32 = 26.0;
    pub const LIST_ROW: f32 = 56.0;
    pub const TIMELINE_ROW: f32 = 72.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, section 1.4.3.
    fn contrast(one: Color32, other: Color32) -> f64 {
        let luminance = |colour: Color32| {
            let part = |byte: u8| {
                let value = f64::from(byte) / 255.0;
                if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(colour.r()) + 0.7152 * part(colour.g()) + 0.0722 * part(colour.b())
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn laid_over(under: Color32, over: Color32, alpha: u8) -> Color32 {
        let mix =
            |a: u8, b: u8| ((u32::from(a) * (255 - u32::from(alpha)) + u32::from(b) * u32::from(alpha)) / 255) as u8;
        Color32::from_rgb(mix(under.r(), over.r()), mix(under.g(), over.g()), mix(under.b(), over.b()))
    }

    #[test]
    fn every_word_can_be_read_on_every_surface() {
        const TONES: [Tone; 7] =
            [Tone::Plain, Tone::Accent, Tone::Ok, Tone::Warn, Tone::Bad, Tone::Legal, Tone::Message];
        for tokens in [&DARK, &LIGHT] {
            for surface in [tokens.canvas, tokens.panel, tokens.card] {
                for words in [tokens.value, tokens.text, tokens.caption] {
                    assert!(contrast(words, surface) >= 4.5, "{words:?} on {surface:?}");
                }
                for tone in TONES {
                    let tinted = laid_over(surface, tokens.tone(tone), tokens.tint);
                    assert!(contrast(tokens.tone(tone), surface) >= 4.5, "{tone:?} on {surface:?}");
                    assert!(contrast(tokens.tone(tone), tinted) >= 4.4, "{tone:?} on its tint over {surface:?}");
                }
            }
            for fill in [tokens.answer_fill, tokens.hang_up_fill, tokens.save_fill] {
                assert!(contrast(Color32::WHITE, fill) >= 4.5);
            }
        }
    }
}
