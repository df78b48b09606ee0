use egui::{Align2, Id, Margin, Popup, PopupCloseBehavior, Response, Role, Sense, TextEdit, Ui, WidgetInfo, vec2};
use shared::domain::fold;

use super::pick::{PickList, PickRow, pick_list};
use super::surface::focus_ring;
use super::text::{label, line};
use crate::kit::tokens::{self, height, radius};
use crate::kit::{fonts, icons};

/// A choice of one that opens on Enter, Space or a click and narrows as one types. Returns what was chosen now.
pub fn combo(
    ui: &mut Ui,
    id: Id,
    name: &str,
    placeholder: &str,
    width: f32,
    selected: Option<usize>,
    options: &[String],
) -> Option<usize> {
    let tokens = tokens::of(ui);
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = 5.0;
        label(ui, name, tokens::secondary(), tokens.text);
        let shown = selected.and_then(|at| options.get(at));
        let (rect, _) = ui.allocate_exact_size(vec2(width, height::FIELD), Sense::hover());
        let response = ui.interact(rect, id, Sense::click());
        let fill = if response.hovered() { tokens.hovered } else { tokens.control };
        let painter = ui.painter();
        let stroke = egui::Stroke::new(1.0, tokens.border);
        painter.rect(rect, f32::from(radius::CONTROL), fill, stroke, egui::StrokeKind::Inside);
        let ink = if shown.is_some() { tokens.value } else { tokens.caption };
        let words = shown.map_or(placeholder, String::as_str);
        line(painter, rect.left_center() + vec2(10.0, 0.0), words, tokens::input(), ink, width - 40.0);
        let caret = rect.right_center() - vec2(16.0, 0.0);
        painter.text(caret, Align2::CENTER_CENTER, icons::CARET_DOWN, fonts::icon(12.0), tokens.text);
        focus_ring(ui, &response, rect, radius::CONTROL);
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, true, name);
            info.current_text_value = Some(words.to_owned());
            info
        });
        choices(&response, id, name, width, options)
    })
    .inner
}

fn choices(button: &Response, id: Id, name: &str, width: f32, options: &[String]) -> Option<usize> {
    let typed_id = id.with("typed");
    let just_opened = button.clicked();
    let popup = Popup::menu(button).accessible_name(name).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let shown = popup.width(width.max(180.0)).show(|ui| {
        let mut typed = ui.data(|data| data.get_temp::<String>(typed_id)).unwrap_or_default();
        if just_opened {
            typed.clear();
        }
        let edit = TextEdit::singleline(&mut typed)
            .id(id.with("filter"))
            .desired_width(f32::INFINITY)
            .margin(Margin::symmetric(8, 6))
            .font(tokens::body());
        let field = ui.add(edit).accessible_name(name);
        if just_opened {
            field.request_focus();
        }
        ui.data_mut(|data| data.insert_temp(typed_id, typed.clone()));
        let wanted = fold::fold(&typed);
        let fitting: Vec<usize> = (0..options.len())
            .filter(|&at| {
                let key = fold::fold(&options[at]);
                fold::words(&wanted).all(|word| fold::words(&key).any(|part| part.starts_with(word)))
            })
            .collect();
        let rows: Vec<PickRow> =
            fitting.iter().map(|&at| PickRow { words: options[at].clone(), ..PickRow::default() }).collect();
        let list = PickList { id: id.with("options"), name, rows: &rows, key: "Enter", height: 220.0 };
        // The Enter that has opened the list picks nothing from it.
        let picked = pick_list(ui, list, &field).filter(|_| !just_opened).map(|row| fitting[row]);
        if picked.is_some() {
            ui.close();
        }
        picked
    });
    let picked = shown.and_then(|shown| shown.inner);
    if picked.is_some() {
        button.request_focus();
    }
    picked
}
