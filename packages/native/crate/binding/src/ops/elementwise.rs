//! Elementwise functions, comparisons, selection, casts and fills.

use megatron_kernels::broadcast::Broadcast;
use megatron_kernels::elementwise::{BinaryOp, UnaryOp, binary, combine, select, unary};
use megatron_kernels::memory::{Buffer, Kind};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::{Engine, kind_of};
use crate::sizes::{Size, count, shape_list, size};
use crate::tensors::{Handle, invalid, wide};

const COMPARISONS: [&str; 8] =
    ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr"];
const PREDICATES: [&str; 4] = ["IsNan", "IsInf", "IsFinite", "LogicalNot"];

/// The tfjs kernels that `Engine.unary` runs, by index.
#[napi]
pub fn unary_kernels() -> Vec<&'static str> {
    UnaryOp::ALL.iter().map(|(name, _)| *name).collect()
}

/// The tfjs kernels that `Engine.binary` runs, by index.
#[napi]
pub fn binary_kernels() -> Vec<&'static str> {
    BinaryOp::ALL.iter().map(|(name, _)| *name).collect()
}

/// The binary kernels that take int32 as well.
#[napi]
pub fn integer_kernels() -> Vec<&'static str> {
    BinaryOp::ALL.iter().filter(|(_, op)| integer_function(*op).is_some()).map(|(name, _)| *name).collect()
}

/// The tfjs kernels that `Engine.compare` runs, by index.
#[napi]
pub fn comparison_kernels() -> Vec<&'static str> {
    COMPARISONS.to_vec()
}

/// The tfjs kernels that `Engine.predicate` runs, by index.
#[napi]
pub fn predicate_kernels() -> Vec<&'static str> {
    PREDICATES.to_vec()
}

fn integer_function(op: BinaryOp) -> Option<fn(i32, i32) -> i32> {
    Some(match op {
        BinaryOp::Add => i32::wrapping_add,
        BinaryOp::Sub => i32::wrapping_sub,
        BinaryOp::Multiply => i32::wrapping_mul,
        BinaryOp::Maximum => |a, b| a.max(b),
        BinaryOp::Minimum => |a, b| a.min(b),
        BinaryOp::SquaredDifference => |a, b| a.wrapping_sub(b).wrapping_mul(a.wrapping_sub(b)),
        // As Math.floor(a / b) converts to int32: division by zero gives 0.
        BinaryOp::FloorDiv => |a, b| {
            let quotient = if b == 0 { 0 } else { a.wrapping_div(b) };
            if b != 0 && a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
        },
        _ => return None,
    })
}

/// `shapes` is empty for equal shapes, else the rank of the first, its sizes and the sizes of the second.
fn plan(a: &Buffer, b: &Buffer, shapes: &[f64]) -> Result<Broadcast> {
    let Some((&rank, sizes)) = shapes.split_first() else {
        if a.len() != b.len() {
            return Err(invalid(format!("{} elements and {} elements do not have one shape", a.len(), b.len())));
        }
        return Ok(Broadcast::new(&[a.len()], &[b.len()]));
    };
    let (first, second) = sizes.split_at_checked(size(rank)?).ok_or_else(|| invalid("expected two shapes"))?;
    let (first, second) = (shape_list(first)?, shape_list(second)?);
    if (first.iter().product(), second.iter().product()) != (a.len(), b.len()) {
        return Err(invalid(format!("{} and {} elements do not fill {first:?} and {second:?}", a.len(), b.len())));
    }
    // The rank of the result is the larger one; sizes of the shorter shape count from the end.
    let result: Vec<usize> = (0..first.len().max(second.len()))
        .map(|i| *first.iter().rev().nth(i).unwrap_or(&1).max(second.iter().rev().nth(i).unwrap_or(&1)))
        .collect();
    count(&result)?;
    Ok(Broadcast::new(&first, &second))
}

fn compared<T: PartialOrd + Copy + Sync>(op: usize, plan: &Broadcast, a: &[T], b: &[T], out: &mut [u8]) {
    match op {
        0 => combine(plan, a, b, out, |a, b| (a == b) as u8),
        1 => combine(plan, a, b, out, |a, b| (a != b) as u8),
        2 => combine(plan, a, b, out, |a, b| (a > b) as u8),
        3 => combine(plan, a, b, out, |a, b| (a >= b) as u8),
        4 => combine(plan, a, b, out, |a, b| (a < b) as u8),
        5 => combine(plan, a, b, out, |a, b| (a <= b) as u8),
        _ => panic!("no such kernel"),
    }
}

#[napi]
impl Engine {
    /// out = op(x); x is float32.
    #[napi]
    pub fn unary(&self, op: u32, x: Handle, first: f64, second: f64) -> Result<Handle> {
        self.run(move |tensors| {
            let (_, op) = *UnaryOp::ALL.get(op as usize).ok_or_else(|| invalid("no such kernel"))?;
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(x.kind(), x.len());
            unary(op, [first as f32, second as f32], x.view(), out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// out = op(a, b) with broadcasting; both float32, or both int32.
    #[napi]
    pub fn binary(&self, op: u32, a: Handle, b: Handle, shapes: &[f64]) -> Result<Handle> {
        let shapes = shapes.to_vec();
        self.run(move |tensors| {
            let (name, op) = *BinaryOp::ALL.get(op as usize).ok_or_else(|| invalid("no such kernel"))?;
            let (a, b) = (tensors.get(a)?, tensors.get(b)?);
            let plan = plan(a, b, &shapes)?;
            let kind = match (a.kind(), b.kind()) {
                (Kind::I32, Kind::I32) => Kind::I32,
                (Kind::Bf16, Kind::Bf16) => Kind::Bf16,
                _ => Kind::F32,
            };
            let mut out = tensors.buffer(kind, plan.length());
            if kind == Kind::I32 {
                let function = integer_function(op).ok_or_else(|| invalid(format!("{name} does not take int32")))?;
                combine(&plan, a.i32(), b.i32(), out.i32_mut(), function);
            } else {
                binary(op, &plan, a.view(), b.view(), out.view_mut());
            }
            Ok(tensors.add(out))
        })
    }

    /// out (booleans) = a op b, with broadcasting; both of one type.
    #[napi]
    pub fn compare(&self, op: u32, a: Handle, b: Handle, shapes: &[f64]) -> Result<Handle> {
        let shapes = shapes.to_vec();
        self.run(move |tensors| {
            let (a, b) = (tensors.get(a)?, tensors.get(b)?);
            let plan = plan(a, b, &shapes)?;
            let mut out = tensors.buffer(Kind::U8, plan.length());
            let to = out.u8_mut();
            match (a.kind(), COMPARISONS.get(op as usize).copied()) {
                (_, Some("LogicalAnd")) => combine(&plan, a.u8(), b.u8(), to, |a, b| (a != 0 && b != 0) as u8),
                (_, Some("LogicalOr")) => combine(&plan, a.u8(), b.u8(), to, |a, b| (a != 0 || b != 0) as u8),
                (Kind::I32, _) => compared(op as usize, &plan, a.i32(), b.i32(), to),
                (Kind::U8, _) => compared(op as usize, &plan, a.u8(), b.u8(), to),
                _ => compared(op as usize, &plan, &wide(a), &wide(b), to),
            }
            Ok(tensors.add(out))
        })
    }

    /// out (booleans) = whether x is NaN, infinite, finite or false.
    #[napi]
    pub fn predicate(&self, op: u32, x: Handle) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(Kind::U8, x.len());
            let to = out.u8_mut();
            let (one, each) = ([0u8], Broadcast::new(&[x.len()], &[]));
            match PREDICATES.get(op as usize).copied() {
                Some("IsNan") => combine(&each, &wide(x), &one, to, |x, _| x.is_nan() as u8),
                Some("IsInf") => combine(&each, &wide(x), &one, to, |x, _| x.is_infinite() as u8),
                Some("IsFinite") => combine(&each, &wide(x), &one, to, |x, _| x.is_finite() as u8),
                Some("LogicalNot") => combine(&each, x.u8(), &one, to, |x, _| (x == 0) as u8),
                _ => return Err(invalid("no such kernel")),
            }
            Ok(tensors.add(out))
        })
    }

    /// out = condition ? a : b, where each condition applies to `repeat` elements; a and b of one type.
    #[napi]
    pub fn select(&self, condition: Handle, repeat: Size, a: Handle, b: Handle) -> Result<Handle> {
        self.run(move |tensors| {
            let (condition, a, b) = (tensors.get(condition)?.u8(), tensors.get(a)?, tensors.get(b)?);
            let repeat = size(repeat)?;
            if count(&[condition.len(), repeat])? != a.len() || a.len() != b.len() {
                let (a, b) = (a.len(), b.len());
                return Err(invalid(format!("{} conditions do not select from {a} and {b} elements", condition.len())));
            }
            let kind = if a.kind() == b.kind() { a.kind() } else { Kind::F32 };
            let mut out = tensors.buffer(kind, a.len());
            match kind {
                Kind::I32 => select(condition, repeat, a.i32(), b.i32(), out.i32_mut()),
                Kind::U8 => select(condition, repeat, a.u8(), b.u8(), out.u8_mut()),
                Kind::Bf16 => select(condition, repeat, a.bf16(), b.bf16(), out.bf16_mut()),
                Kind::F32 => select(condition, repeat, &wide(a), &wide(b), out.f32_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// x converted to float32, int32 (rounded towards zero) or booleans (whether not zero).
    #[napi]
    pub fn cast(&self, x: Handle, kind: u32) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(kind_of(kind)?, x.len());
            let (one, each) = ([0u8], Broadcast::new(&[x.len()], &[]));
            match (x.kind(), out.kind()) {
                (Kind::I32, Kind::F32) => combine(&each, x.i32(), &one, out.f32_mut(), |x, _| x as f32),
                (Kind::I32, Kind::U8) => combine(&each, x.i32(), &one, out.u8_mut(), |x, _| (x != 0) as u8),
                (Kind::U8, Kind::F32) => combine(&each, x.u8(), &one, out.f32_mut(), |x, _| f32::from(x)),
                (Kind::U8, Kind::I32) => combine(&each, x.u8(), &one, out.i32_mut(), |x, _| i32::from(x)),
                (_, Kind::I32) => combine(&each, &wide(x), &one, out.i32_mut(), |x, _| x as i32),
                (_, Kind::U8) => combine(&each, &wide(x), &one, out.u8_mut(), |x, _| (x != 0.0) as u8),
                (from, to) => return Err(invalid(format!("cannot cast {from:?} to {to:?}"))),
            }
            Ok(tensors.add(out))
        })
    }

    /// A tensor filled with a value.
    #[napi]
    pub fn fill(&self, kind: u32, length: Size, value: f64) -> Result<Handle> {
        self.run(move |tensors| {
            let mut out = tensors.buffer(kind_of(kind)?, size(length)?);
            match out.kind() {
                Kind::F32 => out.f32_mut().fill(value as f32),
                Kind::I32 => out.i32_mut().fill(value as i32),
                Kind::U8 => out.u8_mut().fill((value != 0.0) as u8),
                Kind::Bf16 => return Err(invalid("cannot fill bf16")),
            }
            Ok(tensors.add(out))
        })
    }
}
