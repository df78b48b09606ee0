//! Widgets. What is painted by hand tells a screen reader its role and its full words; what does not fit is cut
//! with an ellipsis and shown whole under the mouse.

mod button;
mod chip;
mod combo;
mod curve;
mod field;
mod pick;
mod picked;
mod rows;
mod strip;
mod surface;
mod table;
mod tabs;
mod text;
mod tile;
mod toast;

pub use button::{Button, Look, icon_button};
pub use chip::{avatar, chip, chip_button, initials, paint_chip};
pub use combo::combo;
pub use curve::curve;
pub use field::{Field, note_field, text_field};
pub use pick::{PickList, PickRow, PickRows, pick_list, pick_rows};
pub use picked::{Picked, picked};
pub use rows::{RowList, RowsSeen};
pub use strip::strip;
pub use surface::{card, child, empty, focus_ring, inside, loading_bars, region, section};
pub use table::{Cell, Column, table};
pub use tabs::{Tab, tabs, tabs_in};
pub use text::{copyable, label, line, line_right, words};
pub use tile::{Tile, figure_tile, tile};
pub use toast::{Pressed, ToastLook, toast};
