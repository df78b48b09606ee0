//! What lies on top of the desk, and one-frame wishes of the keyboard to the panels.

/// Which screen, which overlay, and what the keyboard asks of the panels in this frame.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    pub page: Page,
    pub overlay: Option<Overlay>,
    /// Where the focus shall go in this frame; the region takes it by `request_focus`. Cleared after each frame.
    pub focus: Option<Region>,
    /// Ctrl+Enter was pressed while a form is open: the dock checks it and pushes the save. Cleared after each frame.
    pub submit_form: bool,
    /// The workplace is locked (F12); only the own password opens it.
    pub locked: bool,
    pub lock_error: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    #[default]
    Operator,
    Supervisor,
    Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// F1.
    KeyMap,
    /// Ctrl+K.
    Palette,
    /// F10.
    StateMenu,
    /// The window was closed during a call: really?
    ConfirmClose,
}

/// Alt+1…5, and the fields that keys lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    Waiting,
    Card,
    History,
    /// The one line of the form dock (F8).
    Dock,
    CallBar,
    /// Ctrl+F.
    HistorySearch,
    /// The search for an unknown caller.
    CustomerSearch,
    Topic,
    Summary,
}
