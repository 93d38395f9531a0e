//! The engine of one N-API environment: its threads and tensors, from construction until the environment ends.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use megatron_kernels::gemm::Precision;
use megatron_kernels::memory::Kind;
use megatron_kernels::parallel::Pool;
use megatron_kernels::simd::{Isa, isa, limit};
use megatron_kernels::view::convert;
use napi::bindgen_prelude::{ArrayBuffer, Result};
use napi::{Env, Error, Status};
use napi_derive::napi;

use crate::capture::Programs;
use crate::sizes::{Size, size};
use crate::tensors::{Handle, Tensors, invalid};

struct Parts {
    pool: Pool,
    tensors: Tensors,
    programs: Programs,
}

/// Kernels and the tensors that they work on. Methods throw for arguments that do not fit together.
#[napi]
pub struct Engine {
    parts: Rc<RefCell<Option<Parts>>>,
}

/// Bytes of tensor memory.
#[napi(object)]
pub struct MemoryUsage {
    pub in_use: f64,
    /// Free, kept for reuse.
    pub kept: f64,
    /// Peak of `inUse`.
    pub peak: f64,
}

/// Element kinds by name. Their indices are the numbers that JavaScript uses.
pub const KINDS: [(&str, Kind); 4] = [("f32", Kind::F32), ("bf16", Kind::Bf16), ("i32", Kind::I32), ("u8", Kind::U8)];

pub fn kind_of(number: u32) -> Result<Kind> {
    KINDS.get(number as usize).map(|(_, kind)| *kind).ok_or_else(|| invalid(format!("kind {number} does not exist")))
}

fn number_of(kind: Kind) -> u32 {
    KINDS.iter().position(|(_, other)| *other == kind).expect("every kind has a number") as u32
}

fn ended() -> Error {
    Error::new(Status::Closing, "the engine has ended with its environment")
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a kernel failed").to_string()
}

impl Engine {
    /// Runs an operation on the engine's threads, and records it if a program is being recorded. Panics become errors.
    pub fn run<R>(&self, body: impl Fn(&mut Tensors) -> Result<R> + 'static) -> Result<R> {
        let result = self.with_tensors(&body);
        let mut parts = self.parts.borrow_mut();
        if let Some(recording) = parts.as_mut().and_then(|parts| parts.tensors.recording()) {
            match &result {
                Ok(_) => recording.operations.push(Box::new(move |tensors| body(tensors).map(drop))),
                Err(error) => recording.refuse(format!("an operation failed: {}", error.reason)),
            }
        }
        result
    }

    /// Changes the programs and the tensors.
    pub fn with_programs<R>(&self, body: impl FnOnce(&mut Programs, &mut Tensors) -> Result<R>) -> Result<R> {
        match self.parts.borrow_mut().as_mut() {
            Some(parts) => body(&mut parts.programs, &mut parts.tensors),
            None => Err(ended()),
        }
    }

    /// The same as `run` for what no program repeats.
    pub fn with_tensors<R>(&self, body: impl FnOnce(&mut Tensors) -> Result<R>) -> Result<R> {
        let mut parts = self.parts.borrow_mut();
        let Some(Parts { pool, tensors, .. }) = parts.as_mut() else {
            return Err(ended());
        };
        let result = catch_unwind(AssertUnwindSafe(|| pool.install(|| body(tensors))));
        result.unwrap_or_else(|panic| Err(Error::new(Status::GenericFailure, message_of(panic))))
    }
}

#[napi]
impl Engine {
    /// Starts threads; the calling thread counts as one. 0 means one per physical core.
    #[napi(constructor)]
    pub fn new(env: Env, threads: Size) -> Result<Engine> {
        let threads = match size(threads)? {
            0 => default_threads(),
            threads if threads <= MOST_THREADS => threads,
            threads => return Err(invalid(format!("expected at most {MOST_THREADS} threads, got {threads}"))),
        };
        let parts = Rc::new(RefCell::new(Some(Parts {
            pool: Pool::new(threads),
            tensors: Tensors::new(),
            programs: Programs::default(),
        })));
        // Joins the threads before the environment ends; the object itself may be collected later, or never.
        env.add_env_cleanup_hook(Rc::clone(&parts), |parts| drop(parts.take()))?;
        Ok(Engine { parts })
    }

    /// The number of threads that compute.
    #[napi]
    pub fn threads(&self) -> Result<u32> {
        let parts = self.parts.borrow();
        Ok(parts.as_ref().map_or(0, |parts| parts.pool.threads() as u32))
    }

    /// What the processor multiplies at most, in FLOP/s of all threads in f32 or bf16 by the instruction set in force: an
    /// unrolled loop, for the given seconds. None where that has no such instruction.
    #[napi]
    pub fn peak(&self, bf16: bool, seconds: f64) -> Result<Option<f64>> {
        let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
        self.with_tensors(|_| Ok(megatron_kernels::peak::peak(precision, seconds)))
    }

    /// The memory of all tensors.
    #[napi]
    pub fn memory(&self) -> Result<MemoryUsage> {
        self.with_tensors(|tensors| {
            let usage = tensors.memory.usage();
            Ok(MemoryUsage { in_use: usage.in_use as f64, kept: usage.kept as f64, peak: usage.peak as f64 })
        })
    }

    /// Returns free memory to the system and resets the peak.
    #[napi]
    pub fn trim(&self) -> Result<()> {
        self.with_tensors(|tensors| {
            tensors.memory.trim();
            Ok(())
        })
    }

    /// Reports native memory to the garbage collector: `bytes` more than before.
    #[napi]
    pub fn adjust_external_memory(&self, env: Env, bytes: f64) -> Result<()> {
        env.adjust_external_memory(bytes as i64).map(|_| ())
    }

    /// A tensor with undefined elements.
    #[napi]
    pub fn allocate(&self, kind: u32, length: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let buffer = tensors.buffer(kind_of(kind)?, size(length)?);
            Ok(tensors.add(buffer))
        })
    }

    /// A tensor from its bytes.
    #[napi]
    pub fn create(&self, kind: u32, bytes: &[u8]) -> Result<Handle> {
        let kind = kind_of(kind)?;
        let add = move |tensors: &mut Tensors, bytes: &[u8]| {
            let mut buffer = tensors.buffer(kind, bytes.len() / kind.bytes());
            buffer.bytes_mut().copy_from_slice(bytes);
            tensors.add(buffer)
        };
        self.with_tensors(|tensors| {
            let handle = add(tensors, bytes);
            if let Some(recording) = tensors.recording() {
                let bytes = bytes.to_vec();
                recording.operations.push(Box::new(move |tensors| {
                    add(tensors, &bytes);
                    Ok(())
                }));
            }
            Ok(handle)
        })
    }

    /// Overwrites a tensor with the bytes of one of its kind and length.
    #[napi]
    pub fn overwrite(&self, x: Handle, bytes: &[u8]) -> Result<()> {
        self.with_tensors(|tensors| {
            if let Some(recording) = tensors.recording() {
                recording.refuse("it overwrites a tensor with numbers from JavaScript");
            }
            tensors.with_taken(&[x], |_, taken| {
                let to = taken[0].bytes_mut();
                if to.len() != bytes.len() {
                    return Err(invalid(format!("{} bytes do not overwrite {}", bytes.len(), to.len())));
                }
                to.copy_from_slice(bytes);
                Ok(())
            })?
        })
    }

    /// A copy of the elements, with bf16 widened to f32.
    #[napi]
    pub fn read<'env>(&self, env: &'env Env, x: Handle) -> Result<ArrayBuffer<'env>> {
        self.with_tensors(|tensors| {
            if let Some(recording) = tensors.recording() {
                recording.refuse("JavaScript reads a tensor");
            }
            let x = tensors.get(x)?;
            if x.kind() == Kind::Bf16 {
                ArrayBuffer::copy_from(env, x.stored_as(Kind::F32).bytes())
            } else {
                ArrayBuffer::copy_from(env, x.bytes())
            }
        })
    }

    /// Frees a tensor. Its handle may be used again for another one.
    #[napi]
    pub fn free(&self, x: Handle) -> Result<()> {
        self.run(move |tensors| tensors.free(x))
    }

    /// The number of the element kind, see `kinds`.
    #[napi]
    pub fn kind(&self, x: Handle) -> Result<u32> {
        self.with_tensors(|tensors| Ok(number_of(tensors.get(x)?.kind())))
    }

    /// The number of elements.
    #[napi]
    pub fn length(&self, x: Handle) -> Result<Size> {
        self.with_tensors(|tensors| Ok(tensors.get(x)?.len() as Size))
    }

    /// Changes the storage of a float32 tensor, in place.
    #[napi]
    pub fn store(&self, x: Handle, kind: u32) -> Result<()> {
        self.run(move |tensors| {
            let kind = kind_of(kind)?;
            let current = tensors.get(x)?;
            if current.kind() != kind {
                let converted = current.stored_as(kind);
                tensors.replace(x, converted);
            }
            Ok(())
        })
    }

    /// A copy of a float32 tensor in another storage.
    #[napi]
    pub fn stored_as(&self, x: Handle, kind: u32) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(kind_of(kind)?, x.len());
            convert(x.view(), out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// Whether matrix products round to bf16 and store their results as bf16. Returns the previous setting.
    #[napi]
    pub fn set_bf16(&self, bf16: bool) -> Result<bool> {
        self.run(move |tensors| {
            let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
            Ok(std::mem::replace(&mut tensors.precision, precision) == Precision::Bf16)
        })
    }
}

/// More threads than this are a mistake.
const MOST_THREADS: usize = 1024;

/// The number of physical cores that this process may use.
fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().min(allowed).max(1)
}

/// Raise it whenever a method, a field of its operands, or their meaning changes: JavaScript refuses an addon that has
/// another number. N-API ignores fields that it does not know, so an older addon would compute something else in silence.
const INTERFACE_VERSION: u32 = 2;

/// The version of this interface, which JavaScript compares with the one it was written for.
#[napi]
pub fn interface_version() -> u32 {
    INTERFACE_VERSION
}

/// The instruction sets that kernels use on this processor, weakest first.
#[napi]
pub fn instruction_sets() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") {
        return vec!["neon"];
    }
    SETS.into_iter().filter(|(needed, _)| isa() >= *needed).map(|(_, name)| name).collect()
}

const SETS: [(Isa, &str); 4] =
    [(Isa::Avx2, "avx2"), (Isa::Avx512, "avx512"), (Isa::Avx512Bf16, "avx512-bf16"), (Isa::Amx, "amx-bf16")];

/// Uses no stronger instruction set than this one from now on, in the whole process: to measure what weaker processors
/// would do. Throws for an unknown name.
#[napi]
pub fn limit_instruction_sets(name: String) -> Result<()> {
    let Some((highest, _)) = SETS.into_iter().find(|(_, known)| *known == name) else {
        let known = SETS.map(|(_, name)| name).join(", ");
        return Err(invalid(format!("unknown instruction set \"{name}\": expected one of {known}")));
    };
    limit(highest);
    Ok(())
}

/// Names of element kinds. Their indices are the numbers that the engine uses.
#[napi]
pub fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|(name, _)| *name).collect()
}
