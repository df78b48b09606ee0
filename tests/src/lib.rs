//! The whole of Pult under test: what stands around it in the world, scripted.

pub mod carrier;
