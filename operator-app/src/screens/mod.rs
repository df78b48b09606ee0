//! The screens. Each is one function `<name>_ui(ui: &mut egui::Ui, scene: &Scene<'_>, requests: &mut Requests)` in a
//! module of its own (`login`, `operator`, `supervisor`, `settings`); `operator::overlays_ui` draws what lies on top
//! (palette, key map, state menu, toasts, the question before closing), with the same arguments.
