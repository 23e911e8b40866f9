//! How many workers a batch system is asked for: what is decided from one look, without asking anybody.

/// Pilots that wait for a machine at the same time: a partition that is full gets no longer queue of ours than this.
pub const MOST_WAITING: u32 = 4;

/// What is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Pilots at least.
    pub least: u32,
    /// Pilots at most.
    pub most: u32,
    /// Jobs that wait for a place.
    pub jobs: u32,
    /// Pilots that run a job.
    pub busy: u32,
}

/// What is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Pilots without a machine.
    pub waiting: u32,
    /// Pilots with one.
    pub running: u32,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask for so many more.
    Ask(u32),
    /// Take back so many that have no machine.
    TakeBack(u32),
    /// All is as it should be. What runs and has nothing to do goes by itself.
    Nothing,
}

/// The next step. A pilot for each job that waits, beside those that are busy, within the bounds.
pub fn step(demand: Demand, supply: Supply) -> Step {
    let wanted = demand.busy.saturating_add(demand.jobs).clamp(demand.least.min(demand.most), demand.most);
    let there = supply.waiting.saturating_add(supply.running);
    let room = MOST_WAITING.saturating_sub(supply.waiting);
    match wanted.checked_sub(there) {
        Some(0) => Step::Nothing,
        Some(missing) => match missing.min(room) {
            0 => Step::Nothing,
            more => Step::Ask(more),
        },
        None => match (there - wanted).min(supply.waiting) {
            0 => Step::Nothing,
            fewer => Step::TakeBack(fewer),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan((least, most, jobs, busy): (u32, u32, u32, u32), (waiting, running): (u32, u32)) -> Step {
        step(Demand { least, most, jobs, busy }, Supply { waiting, running })
    }

    #[test]
    fn a_pilot_for_each_job_within_bounds() {
        assert_eq!(plan((0, 10, 0, 0), (0, 0)), Step::Nothing);
        assert_eq!(plan((0, 10, 3, 0), (0, 0)), Step::Ask(3));
        assert_eq!(plan((0, 10, 3, 0), (1, 2)), Step::Nothing);
        assert_eq!(plan((0, 2, 9, 0), (0, 0)), Step::Ask(2));
        assert_eq!(plan((2, 9, 0, 0), (0, 0)), Step::Ask(2));
        assert_eq!(plan((0, 9, 100, 0), (3, 0)), Step::Ask(1), "a full partition is not flooded");
        assert_eq!(plan((0, 9, 2, 5), (0, 5)), Step::Ask(2), "those that are busy serve nobody else");
        assert_eq!(plan((0, 9, 0, 1), (3, 1)), Step::TakeBack(3));
        assert_eq!(plan((0, 9, 0, 0), (0, 3)), Step::Nothing, "who has a machine goes by itself");
        assert_eq!(
            plan((5, 3, 0, 0), (0, 0)),
            Step::Ask(3),
            "bounds that contradict themselves are no panic"
        );
    }

    proptest! {
        /// Steps taken one after the other, while machines come as they like, settle, and never go beyond the bounds.
        #[test]
        fn steps_settle_within_bounds(
            least in 0u32..5, more in 0u32..20, jobs in 0u32..60, mut machines in prop::collection::vec(0u32..4, 60),
        ) {
            let most = least + more;
            let mut supply = Supply::default();
            let demand = Demand { least, most, jobs, busy: 0 };
            let mut quiet = false;
            machines.extend([4; 40]);
            for come in machines {
                match step(demand, supply) {
                    Step::Ask(n) => supply.waiting += n,
                    Step::TakeBack(n) => supply.waiting -= n,
                    Step::Nothing => quiet = supply.waiting == 0,
                }
                prop_assert!(supply.waiting <= MOST_WAITING && supply.waiting + supply.running <= most);
                let come = come.min(supply.waiting);
                supply = Supply { waiting: supply.waiting - come, running: supply.running + come };
            }
            prop_assert!(quiet && supply.running == jobs.clamp(least, most));
        }
    }
}
