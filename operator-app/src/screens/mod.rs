//! The screens. Each is one function `<name>_ui(ui, scene, requests)` in a module of its own;
//! [`operator::overlays_ui`] draws what lies on top, with the same arguments.

pub mod gate;
pub mod login;
pub mod operator;
pub mod settings;
pub mod supervisor;
