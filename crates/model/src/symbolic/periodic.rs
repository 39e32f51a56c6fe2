//! Terms that one floor does not express, as `32 · ⌊T / 32⌋` or `T − 32 · ⌊T / 32⌋`.
//!
//! Whatever is made of one symbol by sums, whole factors and floors grows by the same amount in every period. So it is kept as
//! its values in the first period and that amount, which is exact and closed under all of these.

use super::{Affine, SymInt};
use std::sync::Arc;

/// Longest period that is followed; beyond, a term is [`SymInt::Unknown`].
const MAX_PERIOD: usize = 2048;

/// Values at `symbol = 0, 1, …` up to the period, and the growth over one period.
#[derive(Clone, Debug)]
pub(super) struct Periodic {
    pub(super) values: Vec<i128>,
    pub(super) growth: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    i128::try_from(super::gcd(a.unsigned_abs(), b.unsigned_abs())).unwrap_or(1)
}

fn index(value: i128, period: usize) -> usize {
    usize::try_from(value.rem_euclid(period.max(1) as i128)).unwrap_or(0)
}

impl Periodic {
    /// `None` if the period is too long.
    pub(super) fn new(term: &Affine) -> Option<Self> {
        if let Some(values) = &term.values {
            return Some(Self {
                values: values.iter().map(|value| i128::from(*value)).collect(),
                growth: term.num.into(),
            });
        }
        let period = usize::try_from(term.den).ok().filter(|period| *period <= MAX_PERIOD)?;
        let (num, den, offset) = (i128::from(term.num), i128::from(term.den), i128::from(term.offset));
        Some(Self {
            values: (0..period as i128)
                .map(|symbol| (num * symbol + offset).div_euclid(den))
                .collect(),
            growth: num,
        })
    }

    fn constant(value: i64) -> Self {
        Self {
            values: vec![value.into()],
            growth: 0,
        }
    }

    /// The symbol beside it, unless both are numbers.
    pub(super) fn pair(a: &SymInt, b: &SymInt) -> Option<(Arc<str>, Self, Self)> {
        match (a, b) {
            (SymInt::Affine(x), SymInt::Affine(y)) if x.symbol == y.symbol => {
                Some((Arc::clone(&x.symbol), Self::new(x)?, Self::new(y)?))
            }
            (SymInt::Affine(x), SymInt::Known(y)) => Some((Arc::clone(&x.symbol), Self::new(x)?, Self::constant(*y))),
            (SymInt::Known(x), SymInt::Affine(y)) => Some((Arc::clone(&y.symbol), Self::constant(*x), Self::new(y)?)),
            _ => None,
        }
    }

    fn at(&self, symbol: i128) -> Option<i128> {
        let period = self.values.len() as i128;
        let value = self.values.get(index(symbol, self.values.len()))?;
        self.growth.checked_mul(symbol.div_euclid(period))?.checked_add(*value)
    }

    /// The same over `period`, a multiple of its own.
    fn over(&self, period: usize) -> Option<Self> {
        let times = period.checked_div(self.values.len())?;
        Some(Self {
            values: (0..period as i128)
                .map(|symbol| self.at(symbol))
                .collect::<Option<_>>()?,
            growth: self.growth.checked_mul(times as i128)?,
        })
    }

    /// Both over a common period; `None` if that is too long.
    fn together(a: &Self, b: &Self) -> Option<(Self, Self)> {
        let (x, y) = (a.values.len() as i128, b.values.len() as i128);
        let period = usize::try_from(x / gcd(x, y) * y)
            .ok()
            .filter(|period| *period <= MAX_PERIOD)?;
        Some((a.over(period)?, b.over(period)?))
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let (a, b) = Self::together(self, other)?;
        let sum = |(x, y): (&i128, &i128)| x.checked_add(*y);
        Some(Self {
            values: a.values.iter().zip(&b.values).map(sum).collect::<Option<_>>()?,
            growth: a.growth.checked_add(b.growth)?,
        })
    }

    pub(super) fn times(&self, factor: i64) -> Option<Self> {
        let factor = i128::from(factor);
        Some(Self {
            values: self
                .values
                .iter()
                .map(|value| value.checked_mul(factor))
                .collect::<Option<_>>()?,
            growth: self.growth.checked_mul(factor)?,
        })
    }

    pub(super) fn div_floor(&self, by: i64) -> Option<Self> {
        let by = i128::from(by);
        if by < 1 {
            return None;
        }
        let more = usize::try_from(by / gcd(by, self.growth)).ok()?;
        let period = self
            .values
            .len()
            .checked_mul(more)
            .filter(|period| *period <= MAX_PERIOD)?;
        let longer = self.over(period)?;
        Some(Self {
            values: longer.values.iter().map(|value| value.div_euclid(by)).collect(),
            growth: longer.growth / by,
        })
    }

    /// The larger or the smaller at every value of the symbol; both must grow alike.
    pub(super) fn extreme(a: &Self, b: &Self, larger: bool) -> Option<Self> {
        let (a, b) = Self::together(a, b)?;
        let choose = |(x, y): (&i128, &i128)| if larger { *x.max(y) } else { *x.min(y) };
        (a.growth == b.growth).then(|| Self {
            values: a.values.iter().zip(&b.values).map(choose).collect(),
            growth: a.growth,
        })
    }

    /// In normal form: a number, one floor, or the shortest period.
    pub(super) fn settle(self, symbol: &Arc<str>) -> SymInt {
        let period = self.values.len();
        let Some(first) = self.values.first().copied() else {
            return SymInt::Unknown;
        };
        if self.growth == 0 && self.values.iter().all(|value| *value == first) {
            return i64::try_from(first).map_or(SymInt::Unknown, SymInt::Known);
        }
        // One floor `⌊(growth · S + offset) / period⌋` needs an offset that suits every value.
        let (mut low, mut high) = (i128::MIN, i128::MAX);
        for (symbol, value) in self.values.iter().enumerate() {
            let least = (value.checked_mul(period as i128)).and_then(|v| v.checked_sub(self.growth * symbol as i128));
            let Some(least) = least else {
                return SymInt::Unknown;
            };
            low = low.max(least);
            high = high.min(least + period as i128 - 1);
        }
        if low <= high && self.growth != 0 {
            return SymInt::affine(symbol, self.growth, period as i128, low);
        }
        let shortest = (1..=period)
            .filter(|shorter| period.is_multiple_of(*shorter))
            .find_map(|shorter| self.shortened(shorter));
        let (Some(Self { values, growth }), Some(_)) = (shortest, i64::try_from(self.growth).ok()) else {
            return SymInt::Unknown;
        };
        let values: Option<Vec<i64>> = values.into_iter().map(|value| i64::try_from(value).ok()).collect();
        match (values, i64::try_from(growth)) {
            (Some(values), Ok(num)) => SymInt::Affine(Affine {
                symbol: Arc::clone(symbol),
                num,
                den: values.len() as i64,
                offset: values
                    .first()
                    .map_or(0, |value| value.saturating_mul(values.len() as i64)),
                values: Some(values.into()),
            }),
            _ => SymInt::Unknown,
        }
    }

    fn shortened(&self, period: usize) -> Option<Self> {
        let times = self.values.len().checked_div(period)? as i128;
        if self.growth % times != 0 {
            return None;
        }
        let growth = self.growth / times;
        let repeats = (self.values.iter().zip(self.values.get(period..)?)).all(|(a, b)| *b - *a == growth);
        repeats.then(|| Self {
            values: self.values.iter().take(period).copied().collect(),
            growth,
        })
    }
}
