//! From measurements to places: what is thin in one neighbourhood is one place.

use super::place::{Confirm, ThinKind, ThinPlace};
use super::probe::{Found, flag};
use crate::union_find::{find, unite};
use std::collections::BTreeMap;

/// Samples per axis of a bin.
pub(super) const BIN: u32 = 8;
/// Walls and gaps measured less often than this in one region are where faces graze each other.
const LEAST_MEASURED: f64 = 12.0;
/// One minus the cosine of the angle (7°) at which sides may meet on average; for greater ones the least count grows as their cube, for
/// faces that cut each other at a small angle make thin edges of no great extent.
const TAPER: f64 = 0.0075;

/// Measurements of a bin, by what is thin.
#[derive(Clone, Copy)]
struct Bin {
    count: usize,
    /// Measurements that found no sample inside.
    lost: usize,
    /// Sum of one minus the cosine of the angle between the two sides.
    taper: f64,
    /// The one that stands for all: the one that comes nearest to passing through the middle.
    stands: Found,
}

/// Bins in order of their places.
#[derive(Default)]
pub(super) struct Bins(BTreeMap<(bool, [u32; 3]), [Option<Bin>; 2]>);

impl Bins {
    /// Adds measurements, in the order of their samples.
    pub fn extend<'a>(&mut self, found: impl Iterator<Item = &'a Found>) {
        for found in found {
            let [x, y, z] = found.sample.map(|i| i / BIN);
            let gap = found.kind == ThinKind::Gap;
            let bin = self.0.entry((gap, [z, y, x])).or_default();
            bin[usize::from(found.around)].get_or_insert(Bin::of(found)).add(found);
        }
    }

    /// As numbers: a key, which of the two, a bin.
    pub fn into_words(self) -> Vec<u64> {
        let mut words = vec![];
        for ((gap, at), kinds) in self.0 {
            for (around, bin) in kinds.iter().enumerate() {
                let Some(bin) = bin else { continue };
                words.push(u64::from(gap));
                words.extend(at.map(u64::from));
                words.push(around as u64);
                words.extend([bin.count as u64, bin.lost as u64, bin.taper.to_bits()]);
                words.extend(bin.stands.words());
            }
        }
        words
    }

    /// Adds the bins of such numbers; false if they are none, or of a bin that is there.
    pub fn join(&mut self, words: &[u64]) -> bool {
        let (all, rest) = words.as_chunks::<{ 8 + Found::WORDS }>();
        rest.is_empty() && all.iter().all(|words| self.join_one(words).is_some())
    }

    fn join_one(&mut self, words: &[u64; 8 + Found::WORDS]) -> Option<()> {
        let [gap, z, y, x, around, count, lost, taper] = *words.first_chunk()?;
        let coordinate = |v: u64| u32::try_from(v).ok();
        let at = [coordinate(z)?, coordinate(y)?, coordinate(x)?];
        let bin = Bin {
            count: usize::try_from(count).ok()?,
            lost: usize::try_from(lost).ok()?,
            taper: f64::from_bits(taper),
            stands: Found::of_words(words.last_chunk()?)?,
        };
        let place = self.0.entry((flag(gap)?, at)).or_default();
        let place = &mut place[usize::from(flag(around)?)];
        place.is_none().then(|| *place = Some(bin))
    }

    /// Regions of bins that touch.
    pub fn places(self, confirm: Option<Confirm>) -> Vec<ThinPlace> {
        let mut bins: Vec<(bool, [u32; 3], [Option<Bin>; 2])> =
            self.0.into_iter().map(|((gap, at), by)| (gap, at, by)).collect();
        if let Some(confirm) = confirm {
            for (_, _, kinds) in &mut bins {
                for bin in kinds.iter_mut() {
                    let holds = |b: &Bin| b.lost < b.count || confirm(b.stands.kind, b.stands.ends);
                    *bin = bin.filter(holds);
                }
            }
            bins.retain(|(_, _, kinds)| kinds.iter().any(Option::is_some));
        }
        let numbers: BTreeMap<(bool, [u32; 3]), u32> =
            bins.iter().enumerate().map(|(i, (gap, at, _))| ((*gap, *at), i as u32)).collect();
        let mut parent: Vec<u32> = (0..bins.len() as u32).collect();
        for (i, (gap, [z, y, x], _)) in bins.iter().enumerate() {
            for by in 0..27u32 {
                let beside = [z + by / 9, y + by / 3 % 3, x + by % 3].map(|v| v.checked_sub(1));
                let [Some(z), Some(y), Some(x)] = beside else { continue };
                if let Some(other) = numbers.get(&(*gap, [z, y, x])) {
                    unite(&mut parent, i as u32, *other);
                }
            }
        }
        let mut regions: BTreeMap<u32, Vec<Bin>> = BTreeMap::new();
        for (i, (_, _, kinds)) in bins.iter().enumerate() {
            let region = regions.entry(find(&mut parent, i as u32)).or_default();
            region.extend(kinds.iter().flatten());
        }
        let mut places: Vec<ThinPlace> =
            regions.values().filter(|bins| is_meant(bins)).map(|bins| place(bins)).collect();
        places.sort_by_key(|p| std::cmp::Reverse(p.measured));
        places
    }
}

/// Whether a region is more than an edge: mostly struts or tunnels, or a sheet of some extent.
fn is_meant(bins: &[Bin]) -> bool {
    let total = |around: bool, of: fn(&Bin) -> f64| {
        bins.iter().filter(|b| b.stands.around == around).map(of).sum::<f64>()
    };
    let (around, sheet) = (total(true, |b| b.count as f64), total(false, |b| b.count as f64));
    let taper = total(false, |b| b.taper) / sheet.max(1.0);
    around >= sheet || sheet >= LEAST_MEASURED * (taper / TAPER).max(1.0).powi(3)
}

/// What is said of a region: what most of it is, and how thick its thinner bins are among those that were measured often enough.
fn place(bins: &[Bin]) -> ThinPlace {
    let kinds = [ThinKind::Gap, ThinKind::Strut, ThinKind::Wall];
    let of = |kind: ThinKind| bins.iter().filter(move |b| b.stands.kind == kind);
    let kind =
        kinds.into_iter().max_by_key(|k| of(*k).map(|b| b.count).sum::<usize>()).unwrap_or(ThinKind::Wall);
    let often = of(kind).map(|b| b.count).max().unwrap_or(0).div_ceil(4);
    let mut bins_of: Vec<&Bin> = of(kind).filter(|b| b.count >= often).collect();
    bins_of.sort_by(|a, b| a.stands.thickness.total_cmp(&b.stands.thickness));
    let stands = bins_of[bins_of.len() / 5].stands;
    ThinPlace {
        kind,
        at: stands.at,
        thickness: stands.thickness,
        cell: stands.cell,
        lost: of(kind).any(|b| b.lost > 0),
        measured: bins.iter().map(|b| b.count).sum(),
    }
}

impl Bin {
    fn of(found: &Found) -> Bin {
        Bin { count: 0, lost: 0, taper: 0.0, stands: *found }
    }

    fn add(&mut self, found: &Found) {
        self.count += 1;
        self.lost += usize::from(found.lost);
        self.taper += 1.0 + found.cosine;
        if found.cosine < self.stands.cosine {
            self.stands = *found;
        }
    }
}
