//! Programs: sequences of operations that were recorded once and run again without JavaScript in between.
//!
//! The handles of the tensors in between belong to the program, so that an operation finds its operands by the same
//! handles in every run. Their memory does not: it comes from the pool and goes back as it did while recording.

use std::cell::RefCell;
use std::collections::BTreeSet;

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::Kind;
use napi::Result;

use crate::tensors::{Handle, Tensors};

/// One operation with its arguments.
pub type Operation = Box<dyn Fn(&mut Tensors) -> Result<()>>;

/// A tensor from outside of the program, as it was at the end of the recording.
#[derive(PartialEq)]
pub struct Outside {
    pub handle: Handle,
    /// Tells it from other tensors that had this handle.
    pub birth: u64,
    pub kind: Kind,
    pub length: usize,
}

/// A recorded sequence.
pub struct Program {
    pub operations: Vec<Operation>,
    /// The handle of each new tensor, in order.
    pub added: Vec<Handle>,
    /// All handles of the program.
    pub owned: BTreeSet<Handle>,
    pub outside: Vec<Outside>,
    pub outputs: Vec<Handle>,
    pub precision: Precision,
}

/// What is known of a sequence while it is recorded.
pub struct Recording {
    pub operations: Vec<Operation>,
    pub added: Vec<Handle>,
    pub owned: BTreeSet<Handle>,
    /// Handles of the program that name no tensor at the moment.
    pub spare: Vec<Handle>,
    /// Tensors from outside that an operation has used. Behind a cell, since looking a tensor up does not change it.
    pub outside: RefCell<BTreeSet<Handle>>,
    pub precision: Precision,
    /// Why this sequence cannot run again.
    pub refusal: Option<String>,
}

impl Recording {
    pub fn new(precision: Precision) -> Recording {
        Recording {
            operations: Vec::new(),
            added: Vec::new(),
            owned: BTreeSet::new(),
            spare: Vec::new(),
            outside: RefCell::default(),
            precision,
            refusal: None,
        }
    }

    /// Only the first reason counts.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        self.refusal.get_or_insert_with(|| reason.into());
    }

    pub fn saw(&self, handle: Handle) {
        if !self.owned.contains(&handle) {
            self.outside.borrow_mut().insert(handle);
        }
    }
}
