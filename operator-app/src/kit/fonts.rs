//! The letters: Inter with digits of one width, Phosphor for icons, and egui's own fonts for everything else that
//! a customer's name may be written in.

use std::sync::{Arc, LazyLock};

use egui::{FontData, FontDefinitions, FontFamily, FontId};

static MEDIUM: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("medium".into()));
static SEMIBOLD: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("semibold".into()));
static ICONS: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("icons".into()));
static ICONS_FILLED: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("icons_filled".into()));

pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

pub fn medium(size: f32) -> FontId {
    FontId::new(size, MEDIUM.clone())
}

pub fn semibold(size: f32) -> FontId {
    FontId::new(size, SEMIBOLD.clone())
}

pub fn icon(size: f32) -> FontId {
    FontId::new(size, ICONS.clone())
}

pub fn icon_filled(size: f32) -> FontId {
    FontId::new(size, ICONS_FILLED.clone())
}

/// Every family that the screens use, for the warm-up and the tests.
pub fn families() -> [FontFamily; 5] {
    [FontFamily::Proportional, MEDIUM.clone(), SEMIBOLD.clone(), ICONS.clone(), ICONS_FILLED.clone()]
}

pub fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    let own: [(&str, &'static [u8]); 5] = [
        ("inter", include_bytes!("../../assets/fonts/Inter-Regular.ttf")),
        ("inter-medium", include_bytes!("../../assets/fonts/Inter-Medium.ttf")),
        ("inter-semibold", include_bytes!("../../assets/fonts/Inter-SemiBold.ttf")),
        ("phosphor", include_bytes!("../../assets/fonts/Phosphor.ttf")),
        ("phosphor-fill", include_bytes!("../../assets/fonts/Phosphor-Fill.ttf")),
    ];
    for (name, bytes) in own {
        let mut data = FontData::from_static(bytes);
        if name.starts_with("phosphor") {
            // The icons stand on the middle of Inter's small letters.
            data.tweak.y_offset_factor = 0.12;
            data.tweak.scale = 1.12;
        }
        fonts.font_data.insert(name.into(), Arc::new(data));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with_fallback = |first: &[&str]| {
        first.iter().map(|name| (*name).to_owned()).chain(fallback.iter().cloned()).collect::<Vec<_>>()
    };
    for (family, first) in [
        (FontFamily::Proportional, ["inter", "phosphor"]),
        (FontFamily::Monospace, ["inter", "phosphor"]),
        (MEDIUM.clone(), ["inter-medium", "phosphor"]),
        (SEMIBOLD.clone(), ["inter-semibold", "phosphor"]),
        (ICONS.clone(), ["phosphor", "inter"]),
        (ICONS_FILLED.clone(), ["phosphor-fill", "phosphor"]),
    ] {
        fonts.families.insert(family, with_fallback(&first));
    }
    ctx.set_fonts(fonts);
}

/// Lays out the alphabet in every size of the operator's screen, so that the first pop pays for no fresh letter.
pub fn warm_up(ctx: &egui::Context) {
    use super::tokens as t;
    const LETTERS: &str = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюяABCDEFGHIJKLMNOPQRSTUVWXYZ\
        abcdefghijklmnopqrstuvwxyz0123456789 .,:;·–—−+/()«»№₽%";
    for font in [t::caption(), t::secondary(), t::body(), t::strong(), t::input(), t::caller(), t::title(), t::timer()]
    {
        ctx.fonts_mut(|fonts| drop(fonts.layout_no_wrap(LETTERS.to_owned(), font, egui::Color32::WHITE)));
    }
}
