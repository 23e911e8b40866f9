//! Disjoint sets of numbers: what hangs together (Tarjan 1975, with the path halving of Tarjan and van Leeuwen 1984).
//!
//! `parent[i] == i` for the root of a set, which is its least number.

use crate::monitor::{Cancelled, Monitor};

/// Every number below `count` in a set of its own.
pub(crate) fn alone(count: usize) -> Vec<u32> {
    (0..count as u32).collect()
}

/// The root of `i`, halving the path to it.
pub(crate) fn find(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}

/// Joins two sets under the lesser root; whether they were two.
pub(crate) fn unite(parent: &mut [u32], a: u32, b: u32) -> bool {
    let (a, b) = (find(parent, a), find(parent, b));
    parent[a.max(b) as usize] = a.min(b);
    a != b
}

/// Joins the corners of every triangle.
pub(crate) fn unite_corners(
    parent: &mut [u32],
    triangles: &[[u32; 3]],
    monitor: &Monitor,
) -> Result<(), Cancelled> {
    for triangles in triangles.chunks(1 << 16) {
        monitor.check()?;
        for &[a, b, c] in triangles {
            unite(parent, a, b);
            unite(parent, b, c);
        }
    }
    Ok(())
}

/// Numbers the sets from 0 on, in the order in which their members come.
pub(crate) struct Numbering {
    of_root: Vec<u32>,
    count: u32,
}

impl Numbering {
    /// No set has a number yet.
    pub fn new(members: usize) -> Numbering {
        Numbering { of_root: vec![u32::MAX; members], count: 0 }
    }

    /// The number of the set of `i`, and whether it is new.
    pub fn of(&mut self, parent: &mut [u32], i: u32) -> (usize, bool) {
        let number = &mut self.of_root[find(parent, i) as usize];
        let is_new = *number == u32::MAX;
        if is_new {
            *number = self.count;
            self.count += 1;
        }
        (*number as usize, is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_numbered_as_they_come() {
        let mut parent = alone(7);
        assert!(unite(&mut parent, 6, 2) && unite(&mut parent, 4, 6) && !unite(&mut parent, 2, 4));
        unite_corners(&mut parent, &[[5, 0, 0]], &Monitor::none()).unwrap();
        let mut numbers = Numbering::new(7);
        let found: Vec<_> = (0..7).rev().map(|i| numbers.of(&mut parent, i)).collect();
        let expected = [(0, true), (1, true), (0, false), (2, true), (0, false), (3, true), (1, false)];
        assert_eq!(found, expected);
        assert_eq!(find(&mut parent, 6), 2);
    }
}
