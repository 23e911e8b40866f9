//! From a plan to steps: what lies between an operator and the values that are kept.

use super::step::{Action, Points, Stages, Step, built};
use crate::affine::{self, Affine};
use crate::operator::{Domain, Port, Type};
use crate::plan::Plan;
use std::collections::HashMap;

/// The steps that give the values of `target`, and how many buffers they need.
pub(super) fn steps(plan: &Plan, stages: &Stages, target: usize) -> (Vec<Step>, usize) {
    let mut builder = Builder { plan, stages, steps: Vec::new(), by_node: HashMap::new() };
    let reached = reached(plan, target);
    for &i in plan.graph.order() {
        if reached[i] {
            builder.add(i, i == target);
        }
    }
    let mut steps = builder.steps;
    let slots = allocate(&mut steps);
    (steps, slots)
}

/// By operator: whether it is the target or feeds it without anything kept in between.
fn reached(plan: &Plan, target: usize) -> Vec<bool> {
    let mut stack = vec![target];
    let mut reached = vec![false; plan.graph.nodes().len()];
    while let Some(i) = stack.pop() {
        if std::mem::replace(&mut reached[i], true) || (plan.kept[i] && i != target) {
            continue;
        }
        let node = &plan.graph.nodes()[i];
        let inputs = node.inputs.iter().zip(node.entry.inputs);
        let values = inputs.filter(|(_, port)| port.takes != Type::Volume);
        stack.extend(values.filter_map(|(from, _)| *from));
    }
    reached
}

struct Builder<'a> {
    plan: &'a Plan,
    stages: &'a Stages,
    steps: Vec<Step>,
    /// The step that gives an operator's values.
    by_node: HashMap<usize, usize>,
}

impl Builder<'_> {
    fn push(&mut self, action: Action, inputs: Vec<Option<usize>>) -> usize {
        self.steps.push(Step { action, inputs, slot: 0 });
        self.steps.len() - 1
    }

    fn add(&mut self, node: usize, even_if_kept: bool) {
        if self.plan.kept[node] && !even_if_kept {
            let step = self.push(Action::Kept(node), Vec::new());
            self.by_node.insert(node, step);
            return;
        }
        let of = &self.plan.graph.nodes()[node];
        if of.entry.domain.is_some() {
            let domain = self.plan.domain_of(node).expect("a source has a domain").clone();
            let affine = match &domain {
                Domain::Grid { affine, .. } if *affine != Affine::IDENTITY => Some(*affine),
                _ => None,
            };
            let mut step = self.push(Action::Points(Points::of(&domain)), Vec::new());
            if let Some(affine) = affine {
                step = self.push(Action::Affine(affine::Lanes::of(&affine)), vec![Some(step)]);
            }
            self.by_node.insert(node, step);
            return;
        }
        let built = built(self.stages, node);
        let values = |(port, from): (&Port, &Option<usize>)| match port.takes {
            Type::Volume => None,
            _ => from.map(|f| self.by_node[&f]),
        };
        let mut inputs: Vec<_> = of.entry.inputs.iter().zip(&of.inputs).map(values).collect();
        if let (Some(before), Some(Some(points))) = (built.before, inputs.first().copied()) {
            let step = self.push(Action::Affine(affine::Lanes::of(&before)), vec![Some(points)]);
            inputs[0] = Some(step);
        }
        // Unconnected ports at the end would only hide that points are all there is.
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        let mut step = self.push(Action::Stage(node), inputs);
        if let Some(after) = built.after {
            step = self.push(Action::Affine(affine::Lanes::of(&after)), vec![Some(step)]);
        }
        self.by_node.insert(node, step);
    }
}

/// Gives each step a buffer that nobody reads any more; returns how many there are.
fn allocate(steps: &mut [Step]) -> usize {
    let mut last_use: Vec<usize> = (0..steps.len()).collect();
    for (i, step) in steps.iter().enumerate() {
        for from in step.inputs.iter().flatten() {
            last_use[*from] = i;
        }
    }
    let end = steps.len();
    if let Some(last) = last_use.last_mut() {
        *last = end;
    }
    let mut busy_until: Vec<usize> = Vec::new();
    for i in 0..steps.len() {
        let slot = busy_until.iter().position(|until| *until < i).unwrap_or(busy_until.len());
        if slot == busy_until.len() {
            busy_until.push(0);
        }
        busy_until[slot] = last_use[i].max(i);
        steps[i].slot = slot;
    }
    busy_until.len()
}
