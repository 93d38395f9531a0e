//! The tensors of an engine by handle.

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::{Buffer, Kind, Memory};
use megatron_kernels::view::View;
use napi::{Error, Result, Status};

pub struct Tensors {
    pub memory: Memory,
    /// What matrix products round to, and what their results are stored as.
    pub precision: Precision,
    slots: Vec<Option<Buffer>>,
    free: Vec<u32>,
}

/// An error that the caller can do something about.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArg, message.into())
}

impl Tensors {
    pub fn new() -> Tensors {
        Tensors { memory: Memory::default(), precision: Precision::F32, slots: Vec::new(), free: Vec::new() }
    }

    /// A buffer with undefined contents, no tensor yet.
    pub fn buffer(&self, kind: Kind, length: usize) -> Buffer {
        self.memory.buffer(kind, length)
    }

    pub fn add(&mut self, buffer: Buffer) -> u32 {
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

    pub fn get(&self, handle: u32) -> Result<&Buffer> {
        let slot = self.slots.get(handle as usize).and_then(Option::as_ref);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist (any more)")))
    }

    /// A tensor that may be absent: handles are then negative.
    pub fn optional(&self, handle: i32) -> Result<Option<&Buffer>> {
        u32::try_from(handle).ok().map(|handle| self.get(handle)).transpose()
    }

    pub fn free(&mut self, handle: u32) -> Result<()> {
        let slot = self.slots.get_mut(handle as usize).and_then(Option::take);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist (any more)")))?;
        self.free.push(handle);
        Ok(())
    }

    /// Puts another buffer behind a handle.
    pub fn replace(&mut self, handle: u32, buffer: Buffer) {
        self.slots[handle as usize] = Some(buffer);
    }

    /// Takes tensors out, hands them to `body` to be changed, and puts them back whatever happens.
    pub fn with_taken<R>(&mut self, handles: &[u32], body: impl FnOnce(&Tensors, &mut [Buffer]) -> R) -> Result<R> {
        for (i, &handle) in handles.iter().enumerate() {
            self.get(handle)?;
            if handles[..i].contains(&handle) {
                return Err(invalid(format!("tensor {handle} is to be changed twice")));
            }
        }
        let taken = handles.iter().map(|&handle| self.slots[handle as usize].take().expect("seen above")).collect();
        let mut lent = Lent { tensors: self, handles, taken };
        Ok(body(lent.tensors, &mut lent.taken))
    }

    /// What results of matrix products and saved activations are stored as.
    pub fn activation_kind(&self) -> Kind {
        match self.precision {
            Precision::F32 => Kind::F32,
            Precision::Bf16 => Kind::Bf16,
        }
    }
}

struct Lent<'a> {
    tensors: &'a mut Tensors,
    handles: &'a [u32],
    taken: Vec<Buffer>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for (&handle, buffer) in self.handles.iter().zip(self.taken.drain(..)) {
            self.tensors.slots[handle as usize] = Some(buffer);
        }
    }
}

/// The numbers of a float32 tensor as f32: itself, or a widened copy.
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
