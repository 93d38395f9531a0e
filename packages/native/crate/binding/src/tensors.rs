//! The tensors of an engine, by handle.

use std::rc::Rc;

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::{Buffer, Kind, Memory};
use megatron_kernels::view::View;
use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::program::{Outside, Program, Recording};

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
    /// When each slot got its tensor, in tensors added so far.
    births: Vec<u64>,
    count: u64,
    free: Vec<u32>,
    mode: Mode,
}

/// What becomes of handles.
enum Mode {
    Plain,
    Recording(Box<Recording>),
    /// The program and the number of tensors that it has added.
    Replaying(Rc<Program>, usize),
}

/// An error for wrong arguments.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArg, message.into())
}

impl Tensors {
    pub fn new() -> Tensors {
        Tensors {
            memory: Memory::default(),
            precision: Precision::F32,
            slots: Vec::new(),
            births: Vec::new(),
            count: 0,
            free: Vec::new(),
            mode: Mode::Plain,
        }
    }

    /// A buffer with undefined contents that is not a tensor yet.
    pub fn buffer(&self, kind: Kind, length: usize) -> Buffer {
        self.memory.buffer(kind, length)
    }

    pub fn add(&mut self, buffer: Buffer) -> Handle {
        let handle = match &mut self.mode {
            Mode::Plain => self.free.pop(),
            Mode::Recording(recording) => recording.spare.pop().or_else(|| self.free.pop()),
            Mode::Replaying(program, added) => {
                *added += 1;
                Some(program.added[*added - 1])
            }
        };
        let handle = handle.unwrap_or_else(|| {
            self.slots.push(None);
            self.births.push(0);
            self.slots.len() as u32 - 1
        });
        if let Mode::Recording(recording) = &mut self.mode {
            recording.owned.insert(handle);
            recording.added.push(handle);
        }
        self.count += 1;
        self.births[handle as usize] = self.count;
        self.slots[handle as usize] = Some(buffer);
        handle
    }

    pub fn get(&self, handle: Handle) -> Result<&Buffer> {
        if let Mode::Recording(recording) = &self.mode {
            recording.saw(handle);
        }
        let slot = self.slots.get(handle as usize).and_then(Option::as_ref);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist")))
    }

    pub fn optional(&self, handle: OptionalHandle) -> Result<Option<&Buffer>> {
        u32::try_from(handle).ok().map(|handle| self.get(handle)).transpose()
    }

    pub fn free(&mut self, handle: Handle) -> Result<()> {
        let slot = self.slots.get_mut(handle as usize).and_then(Option::take);
        slot.ok_or_else(|| invalid(format!("tensor {handle} does not exist")))?;
        match &mut self.mode {
            Mode::Plain => self.free.push(handle),
            Mode::Recording(recording) if recording.owned.contains(&handle) => recording.spare.push(handle),
            Mode::Recording(recording) => {
                recording.refuse("it disposes a tensor that it did not create");
                self.free.push(handle);
            }
            Mode::Replaying(..) => {}
        }
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

/// Recording programs, and running them.
impl Tensors {
    /// The recording in progress.
    pub fn recording(&mut self) -> Option<&mut Recording> {
        match &mut self.mode {
            Mode::Recording(recording) => Some(recording),
            _ => None,
        }
    }

    pub fn start_recording(&mut self) -> Result<()> {
        let Mode::Plain = self.mode else {
            return Err(invalid("a program is being recorded already"));
        };
        self.mode = Mode::Recording(Box::new(Recording::new(self.precision)));
        Ok(())
    }

    /// Ends the recording. Its tensors stay, as if nothing had been recorded.
    pub fn abandon_recording(&mut self) {
        if let Mode::Recording(recording) = std::mem::replace(&mut self.mode, Mode::Plain) {
            self.free.extend(recording.spare);
        }
    }

    /// Ends the recording: the program, with the outputs moved to handles of their own, or why there is none.
    pub fn finish_recording(
        &mut self,
        outputs: &[Handle],
    ) -> Result<std::result::Result<(Program, Vec<Handle>), String>> {
        let Mode::Recording(recording) = &mut self.mode else {
            return Err(invalid("no program is being recorded"));
        };
        let live = recording.owned.len() - recording.spare.len();
        if let Some(&output) = outputs.iter().find(|output| !recording.owned.contains(output)) {
            recording.refuse(format!("it returns tensor {output}, which it did not create"));
        } else if live > outputs.len() {
            recording.refuse(format!("it leaves {} tensors behind", live - outputs.len()));
        } else if self.precision != recording.precision {
            recording.refuse("it changes the precision");
        }
        if let Some(reason) = recording.refusal.take() {
            self.abandon_recording();
            return Ok(Err(reason));
        }
        let Mode::Recording(recording) = std::mem::replace(&mut self.mode, Mode::Plain) else { unreachable!() };
        let outside = recording.outside.into_inner().into_iter().map(|handle| self.outside(handle));
        let program = Program {
            outside: outside.collect::<Option<_>>().ok_or_else(|| invalid("a tensor from outside is gone"))?,
            operations: recording.operations,
            added: recording.added,
            owned: recording.owned,
            outputs: outputs.to_vec(),
            precision: recording.precision,
        };
        let moved = self.move_outputs(&program);
        Ok(Ok((program, moved)))
    }

    /// What a tensor is at the moment.
    fn outside(&self, handle: Handle) -> Option<Outside> {
        let buffer = self.slots.get(handle as usize)?.as_ref()?;
        Some(Outside { handle, birth: self.births[handle as usize], kind: buffer.kind(), length: buffer.len() })
    }

    fn move_outputs(&mut self, program: &Program) -> Vec<Handle> {
        let taken: Vec<Buffer> =
            program.outputs.iter().map(|&handle| self.slots[handle as usize].take().expect("an output")).collect();
        taken.into_iter().map(|buffer| self.add(buffer)).collect()
    }

    /// Runs a program, unless tensors from outside or the precision are no longer what they were.
    pub fn replay(&mut self, program: &Rc<Program>) -> Result<Option<Vec<Handle>>> {
        let Mode::Plain = self.mode else {
            return Err(invalid("a program cannot run within another"));
        };
        let same = |known: &Outside| self.outside(known.handle).as_ref() == Some(known);
        if self.precision != program.precision || !program.outside.iter().all(same) {
            return Ok(None);
        }
        self.mode = Mode::Replaying(Rc::clone(program), 0);
        let replay = Replay { tensors: self, program };
        for operation in &program.operations {
            operation(replay.tensors)?;
        }
        replay.tensors.mode = Mode::Plain;
        Ok(Some(replay.tensors.move_outputs(program)))
    }

    /// Gives the handles of a program back.
    pub fn release(&mut self, program: &Program) {
        self.free.extend(&program.owned);
    }
}

/// Ends a replay, also if an operation fails or panics: nothing of the program stays.
struct Replay<'a> {
    tensors: &'a mut Tensors,
    program: &'a Program,
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        self.tensors.mode = Mode::Plain;
        self.tensors.precision = self.program.precision;
        for &handle in &self.program.owned {
            self.tensors.slots[handle as usize] = None;
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
