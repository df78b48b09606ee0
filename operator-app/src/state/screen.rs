//! What lies on top of the desk, and one-frame wishes of the keyboard to the panels.

/// Which screen, which overlay, and what the keyboard asks of the panels in this frame.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    pub page: Page,
    pub overlay: Option<Overlay>,
    /// Where the focus shall go in this frame; the region takes it by `request_focus`. Cleared after each frame.
    pub focus: Option<Region>,
    /// Ctrl+Enter was pressed while this is open: it is checked, and its save pushed. Cleared after each frame.
    pub submit: Option<Submit>,
    /// The workplace is locked (F12); only the own password opens it.
    pub locked: bool,
    pub lock_error: bool,
}

/// What Ctrl+Enter saves before the contact itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Submit {
    /// The form in the dock.
    Form,
    /// The meeting, letter or visit over the history.
    Manual,
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
    /// The search for a customer (Ctrl+O).
    CustomerSearch,
    /// A meeting, letter or visit that is being written down.
    Manual,
    /// Whom to hand the call to, to ask or to call.
    Reach,
}
