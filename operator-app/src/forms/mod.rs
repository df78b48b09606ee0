//! The forms of the catalogue: a line of typing leads to one, its fields are drawn and read by their kind alone.
//!
//! [`route`] finds the form or topic that a typed line means; [`field`] reads what was typed into a field; [`check`]
//! judges the whole and makes what is saved; [`ui`] draws any form. No form is known by name here.

pub mod route;

pub mod check;
pub mod field;

pub mod ui;
