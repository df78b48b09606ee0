//! What the benchmarks measure with: a big city ([`city`]), a hall of operators ([`hall`]), the plainest ends of a line ([`plain`]), and the sums at the end
//! ([`figures`]).

pub mod city;
pub mod hall;
pub mod plain;

pub mod figures;
