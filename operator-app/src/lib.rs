//! The operator's and the supervisor's desktop of Pult.
//!
//! Reading order: [`state`] is everything the screens show and how events move it; [`command`] is everything a person
//! can do; [`perform`] carries it out; [`link`] speaks with the gateway and keeps drafts on disk, on threads of its
//! own; [`screens`], made of [`panels`], [`forms`] and the [`kit`], draw the state in the words of [`lang`]; [`app`]
//! joins them to a window.

pub mod command;
pub mod perform;
pub mod settings;
pub mod state;

pub mod link;

pub mod forms;
pub mod kit;
pub mod lang;
pub mod panels;
pub mod screens;

pub mod app;
