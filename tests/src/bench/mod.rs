//! What the benchmarks measure with: a big city ([`city`]), a hall of operators ([`hall`]), and the sums at the end
//! ([`figures`]).

pub mod city;
pub mod hall;

pub mod figures;
