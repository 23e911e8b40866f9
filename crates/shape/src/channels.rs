//! How many values per sample each operator gives, as far as parameters and the sizes of assets tell before these are loaded.

use crate::graph::{Graph, GraphError};

/// The size of the asset that a parameter of an operator names, where it is known.
pub type AssetSizes<'a> = &'a dyn Fn(usize, &str) -> Option<u64>;

impl Graph {
    /// Values per sample of every operator; `None` where it is not known yet.
    pub fn channels(&self, bytes: AssetSizes<'_>) -> Vec<Option<usize>> {
        let mut found: Vec<Option<usize>> = vec![None; self.nodes().len()];
        for &i in self.order() {
            let node = &self.nodes()[i];
            let inputs: Vec<_> = node.inputs.iter().map(|from| found[(*from)?]).collect();
            found[i] = (node.entry.channels)(&node.values, &|param| bytes(i, param), &inputs);
        }
        found
    }

    /// Refuses inputs that are known to have another number of values per sample than their port takes.
    pub(crate) fn check_channels(&self, bytes: AssetSizes<'_>) -> Result<(), GraphError> {
        let channels = self.channels(bytes);
        let of_input = |from: usize| channels[from];
        self.order().iter().try_for_each(|i| self.check_ports(*i, of_input))
    }

    /// The same for one operator, with what is known of each input.
    pub(crate) fn check_ports(
        &self,
        node: usize,
        channels: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), GraphError> {
        let ports = self.nodes()[node].entry.inputs.iter().zip(&self.nodes()[node].inputs);
        for (port, from) in ports.filter_map(|(port, from)| Some((port, (*from)?))) {
            if let (Some(takes), Some(got)) = (port.channels, channels(from))
                && takes != got
            {
                let takes = if takes == 1 { "one value".to_owned() } else { format!("{takes} values") };
                let what = format!(
                    "input {:?} takes {takes} per sample, got {got} from {}",
                    port.name,
                    self.place(from)
                );
                return Err(self.error_at(node, what));
            }
        }
        Ok(())
    }
}
