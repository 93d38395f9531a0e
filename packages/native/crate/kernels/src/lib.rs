//! Transformer kernels on plain slices. Knows nothing of JavaScript or tensors; no allocation outlives a call.
//!
//! Loops are written once in scalar Rust and compiled per instruction set (`simd`); only matrix products and attention
//! use intrinsics. Threads come from `parallel`. Sums are taken in a fixed order, whatever the number of threads.

pub mod activation;
#[cfg(target_arch = "x86_64")]
mod amx;
pub mod attention;
pub mod bf16;
pub mod broadcast;
pub mod dropout;
pub mod elementwise;
pub mod embedding;
pub mod gemm;
pub mod index;
pub mod layout;
pub mod math;
pub mod memory;
pub mod moving_average;
pub mod muon;
pub mod norm;
pub mod optimizer;
mod pages;
pub mod parallel;
pub mod peak;
pub mod philox;
pub mod reduce;
pub mod rotary;
pub mod scratch;
pub mod simd;
mod slabs;
pub mod softmax;
#[cfg(test)]
mod testing;
mod vectors;
pub mod view;
