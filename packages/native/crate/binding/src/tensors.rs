//! The tensors of an engine, by handle.

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::{Buffer, Kind, Memory};
use megatron_kernels::view::View;
use napi::{Error, Result, Status};
use napi_derive::napi;

/// Names a tensor of the engine. Throws where none has that name.
#[napi]
pub type Handle = u32;

/// A handle, or -1 for no tensor.
#[napi]
pub type OptionalHandle = i32;

pub struct Tensors {
    pub memory: Memory,
    /// The precision of matrix products, and the storage of their results.
    pub precision: Precision,
    slots: Vec<Option<Buffer>>,
    free: Vec<u32>,
}

/// An error for wrong arguments.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArg, message.into())
}

impl Tensors {
    pub fn new() -> Tensors {
        Tensors { memory: Memory::default(), precision: Precision::F32, slots: Vec::new(), free: Vec::new() }
    }

    /// A buffer with undefined contents that is not a tensor yet.
    pub fn buffer(&self, kind: Kind, length: usize) -> Buffer {
        self.memory.buffer(kind, length)
    }

    pub fn add(&mut self, buffer: Buffer) -> Handle {
        match self.free.pop() {
            Some(handle) => {
                self.slots[handle as usize] = Some(buffer);
                handle
            }
            None => {
                self.slots.push(Some(buffer));
                self.slots.len() as u32 - 1
            }
        }
    }

    pub fn get(&self, handle: Handle) -> Result<&Buffer> {
        let slot = self.slots.get(handle as usize).and_then(Option::as_ref);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist")))
    }

    pub fn optional(&self, handle: OptionalHandle) -> Result<Option<&Buffer>> {
        u32::try_from(handle).ok().map(|handle| self.get(handle)).transpose()
    }

    pub fn free(&mut self, handle: Handle) -> Result<()> {
        let slot = self.slots.get_mut(handle as usize).and_then(Option::take);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist")))?;
        self.free.push(handle);
        Ok(())
    }

    /// Replaces the buffer of a handle.
    pub fn replace(&mut self, handle: Handle, buffer: Buffer) {
        self.slots[handle as usize] = Some(buffer);
    }

    /// Lends tensors to `body` mutably, also if it panics.
    pub fn with_taken<R>(&mut self, handles: &[Handle], body: impl FnOnce(&Tensors, &mut [Buffer]) -> R) -> Result<R> {
        for (i, &handle) in handles.iter().enumerate() {
            self.get(handle)?;
            if handles[..i].contains(&handle) {
                return Err(invalid(format!("tensor {handle} cannot be updated twice")));
            }
        }
        let taken = handles.iter().map(|&handle| self.slots[handle as usize].take().expect("seen above")).collect();
        let mut lent = Lent { tensors: self, handles, taken };
        Ok(body(lent.tensors, &mut lent.taken))
    }

    /// The storage of results of matrix products and saved activations.
    pub fn activation_kind(&self) -> Kind {
        match self.precision {
            Precision::F32 => Kind::F32,
            Precision::Bf16 => Kind::Bf16,
        }
    }
}

struct Lent<'a> {
    tensors: &'a mut Tensors,
    handles: &'a [Handle],
    taken: Vec<Buffer>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for (&handle, buffer) in self.handles.iter().zip(self.taken.drain(..)) {
            self.tensors.slots[handle as usize] = Some(buffer);
        }
    }
}

/// The numbers of a float32 tensor as f32: the buffer itself, or a widened copy.
pub fn wide(buffer: &Buffer) -> Wide<'_> {
    match buffer.view() {
        View::F32(numbers) => Wide::Same(numbers),
        View::Bf16(_) => Wide::Copy(buffer.stored_as(Kind::F32)),
    }
}

pub enum Wide<'a> {
    Same(&'a [f32]),
    Copy(Buffer),
}

impl std::ops::Deref for Wide<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Wide::Same(numbers) => numbers,
            Wide::Copy(buffer) => buffer.f32(),
        }
    }
}
