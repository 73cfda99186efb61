//! The graph of dependencies between transactions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Why one transaction depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    WriteWrite,
    WriteRead,
    ReadWrite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) kind: Kind,
    key: u32,
}

/// Edges between transactions, by their numbers.
#[derive(Debug)]
pub(super) struct Graph {
    edges: Vec<BTreeSet<Edge>>,
}

impl Graph {
    pub(super) fn new(transactions: usize) -> Self {
        Self {
            edges: vec![BTreeSet::new(); transactions],
        }
    }

    /// Adds an edge, unless it is a self-loop.
    pub(super) fn add(&mut self, from: usize, to: usize, kind: Kind, key: u32) {
        if from != to {
            self.edges[from].insert(Edge { to, kind, key });
        }
    }

    /// Describes a shortest cycle of the selected edges.
    pub(super) fn cycle(&self, along: impl Fn(&Edge) -> bool) -> Option<String> {
        self.cycle_through(&along, &along)
    }

    /// Describes a cycle with one edge of one kind and further edges of another.
    pub(super) fn cycle_through(
        &self,
        first: impl Fn(&Edge) -> bool,
        then: impl Fn(&Edge) -> bool,
    ) -> Option<String> {
        let begins = self.edges.iter().enumerate();
        let begins = begins.flat_map(|(from, edges)| edges.iter().map(move |edge| (from, edge)));
        let mut shortest: Option<Vec<(usize, Edge)>> = None;
        for (from, edge) in begins.filter(|(_, edge)| first(edge)) {
            let Some(path) = self.path(edge.to, from, &then) else {
                continue;
            };
            if shortest
                .as_ref()
                .is_none_or(|best| path.len() + 1 < best.len())
            {
                shortest = Some([vec![(from, *edge)], path].concat());
            }
        }
        shortest.map(|path| words(&path))
    }

    /// Returns the shortest path from one transaction to another.
    fn path(
        &self,
        from: usize,
        to: usize,
        along: impl Fn(&Edge) -> bool,
    ) -> Option<Vec<(usize, Edge)>> {
        let mut came: BTreeMap<usize, (usize, Edge)> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(at) = next.pop_front() {
            if at == to {
                let mut path = Vec::new();
                let mut at = to;
                while at != from {
                    let step = came[&at];
                    path.push(step);
                    at = step.0;
                }
                path.reverse();
                return Some(path);
            }
            for edge in self.edges[at].iter().filter(|edge| along(edge)) {
                if edge.to != from && !came.contains_key(&edge.to) {
                    came.insert(edge.to, (at, *edge));
                    next.push_back(edge.to);
                }
            }
        }
        None
    }
}

fn words(path: &[(usize, Edge)]) -> String {
    let steps: Vec<String> = path
        .iter()
        .map(|(from, edge)| {
            let kind = match edge.kind {
                Kind::WriteWrite => "ww",
                Kind::WriteRead => "wr",
                Kind::ReadWrite => "rw",
            };
            format!("T{from} –{kind} of {}→ T{}", edge.key, edge.to)
        })
        .collect();
    steps.join(", ")
}
