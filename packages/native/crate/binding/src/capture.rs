//! Recording and running programs, as JavaScript does it: it runs a sequence of operations once while recording, then
//! replays it with one call.

use std::rc::Rc;

use napi::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::program::Program;
use crate::tensors::{Handle, Tensors, invalid};

/// The programs of an engine, by number.
#[derive(Default)]
pub struct Programs {
    slots: Vec<Option<Rc<Program>>>,
}

impl Programs {
    fn add(&mut self, program: Program) -> u32 {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(Rc::new(program));
        free as u32
    }

    fn get(&self, number: u32) -> Result<Rc<Program>> {
        let program = self.slots.get(number as usize).and_then(Option::clone);
        program.ok_or_else(|| invalid(format!("program {number} does not exist")))
    }
}

/// The end of a recording.
#[napi(object)]
pub struct Recorded {
    /// The number of the program, or -1 if there is none.
    pub program: i32,
    /// The outputs of the recorded run, by handles that JavaScript frees.
    pub outputs: Vec<Handle>,
    /// Why there is no program.
    pub refusal: Option<String>,
}

#[napi]
impl Engine {
    /// Starts recording the operations that follow.
    #[napi]
    pub fn start_recording(&self) -> Result<()> {
        self.with_tensors(Tensors::start_recording)
    }

    /// Says why what is being recorded cannot run again. Does nothing where nothing is.
    #[napi]
    pub fn refuse_recording(&self, reason: String) -> Result<()> {
        self.with_tensors(|tensors| {
            if let Some(recording) = tensors.recording() {
                recording.refuse(reason);
            }
            Ok(())
        })
    }

    /// Ends a recording that failed.
    #[napi]
    pub fn abandon_recording(&self) -> Result<()> {
        self.with_tensors(|tensors| {
            tensors.abandon_recording();
            Ok(())
        })
    }

    /// Ends a recording whose results are `outputs`. All other tensors that it created must have been freed.
    #[napi]
    pub fn finish_recording(&self, outputs: &[u32]) -> Result<Recorded> {
        let finished = self.with_tensors(|tensors| tensors.finish_recording(outputs))?;
        let (program, moved) = match finished {
            Ok(made) => made,
            Err(refusal) => return Ok(Recorded { program: -1, outputs: outputs.to_vec(), refusal: Some(refusal) }),
        };
        let program = self.with_programs(|programs, _| Ok(programs.add(program)))?;
        Ok(Recorded { program: program as i32, outputs: moved, refusal: None })
    }

    /// Runs a program. Returns its outputs, or null if a tensor from outside or the precision is no longer what it was.
    #[napi]
    pub fn replay(&self, program: u32) -> Result<Option<Vec<Handle>>> {
        let program = self.with_programs(|programs, _| programs.get(program))?;
        self.with_tensors(|tensors| tensors.replay(&program))
    }

    /// Frees a program.
    #[napi]
    pub fn free_program(&self, program: u32) -> Result<()> {
        self.with_programs(|programs, tensors| {
            tensors.release(&*programs.get(program)?);
            programs.slots[program as usize] = None;
            Ok(())
        })
    }
}
