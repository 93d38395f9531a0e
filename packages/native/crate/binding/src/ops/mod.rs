//! The methods of `Engine` that compute, by group.

mod attention;
mod elementwise;
mod layout;
mod optimizers;
mod products;
mod reduce;
mod training;
mod transformer;
