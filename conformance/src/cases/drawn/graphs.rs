//! Generated graphs: written in any order of their objects, loaded in every way with equal results, deleted in part.

use proptest::prelude::*;
use selfsame::prelude::*;

use super::without_one;
use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;
use crate::world::{Node, Task, User, World};

const NEEDS: &[Capability] = &[Capability::Transactions, Capability::GeneratedKeys];

pub(super) const CASES: &[Case] = &[
    Case::core("flush.drawn.order", order)
        .since(19)
        .needs(NEEDS)
        .promise("Any object graph is written, in whatever order its objects were added; any part of it can be deleted, and foreign keys to deleted objects are cleared.")
        .hint("Enforced foreign keys reveal a wrong order.")
        .covers(&[Rule(12), Rule(13), Rule(14), Rule(16), Rule(25)]),
    Case::core("relations.drawn.loaders", loaders)
        .since(19)
        .needs(NEEDS)
        .promise("Lazy, selectin and joined loading return equal results for any object graph.")
        .hint("Look at the smallest graph that fails: a join repeats rows, a list of keys may miss one.")
        .covers(&[Rule(27), Rule(28), Rule(29)]),
];

/// People, their tasks, and a forest of nodes.
#[derive(Clone, Debug, Default)]
struct Graph {
    users: usize,
    /// The owner of each task, if any.
    tasks: Vec<Option<usize>>,
    /// The parent of each node: an earlier one.
    nodes: Vec<Option<usize>>,
    /// The order in which they are added, lowest first: users, then tasks, then nodes.
    order: Vec<u8>,
    /// The users and nodes to delete.
    gone: Vec<u8>,
}

fn graphs() -> impl Strategy<Value = Graph> {
    let link = || proptest::option::weighted(0.8, 0_usize..16);
    (
        0_usize..6,
        proptest::collection::vec(link(), 0..9),
        proptest::collection::vec(link(), 0..9),
        proptest::collection::vec(any::<u8>(), 24),
        proptest::collection::vec(any::<u8>(), 0..6),
    )
        .prop_map(|(users, tasks, nodes, order, gone)| Graph {
            tasks: tasks
                .into_iter()
                .map(|owner| {
                    owner
                        .filter(|_| users > 0)
                        .map(|owner| owner % users.max(1))
                })
                .collect(),
            nodes: nodes
                .into_iter()
                .enumerate()
                .map(|(place, parent)| parent.filter(|_| place > 0).map(|p| p % place.max(1)))
                .collect(),
            users,
            order,
            gone,
        })
}

fn smaller(graph: &Graph) -> Vec<Graph> {
    let mut all = Vec::new();
    if graph.users > 0 {
        let last = graph.users - 1;
        let tasks = graph.tasks.iter();
        all.push(Graph {
            users: last,
            tasks: tasks.map(|owner| owner.filter(|o| *o != last)).collect(),
            ..graph.clone()
        });
    }
    all.extend(without_one(&graph.tasks).map(|tasks| Graph {
        tasks,
        ..graph.clone()
    }));
    for gone in 0..graph.nodes.len() {
        let mut nodes = graph.nodes.clone();
        nodes.remove(gone);
        for parent in &mut nodes {
            *parent = parent
                .filter(|p| *p != gone)
                .map(|p| p - usize::from(p > gone));
        }
        all.push(Graph {
            nodes,
            ..graph.clone()
        });
    }
    all.extend(without_one(&graph.gone).map(|gone| Graph {
        gone,
        ..graph.clone()
    }));
    if graph.order.iter().any(|place| *place != 0) {
        all.push(Graph {
            order: vec![0; graph.order.len()],
            ..graph.clone()
        });
    }
    all
}

fn inputs(context: &Context) -> Inputs<impl Strategy<Value = Graph> + use<>> {
    Inputs {
        strategy: graphs(),
        count: context.cases().div_ceil(2),
        show: |graph| format!("{graph:?}"),
        smaller,
        kept: Vec::new(),
        keep: |_| None,
    }
}

#[derive(Clone, Copy)]
enum Added {
    User(Handle<User>),
    Task(Handle<Task>),
    Node(Handle<Node>),
}

/// The objects of a graph in a session.
struct Written {
    users: Vec<Handle<User>>,
    nodes: Vec<Handle<Node>>,
}

impl Graph {
    /// Adds all objects in the generated order, and sets their relations.
    fn add(&self, session: &mut Session) -> selfsame::Result<Written> {
        let count = self.users + self.tasks.len() + self.nodes.len();
        let mut places: Vec<usize> = (0..count).collect();
        places.sort_by_key(|place| self.order.get(*place).copied().unwrap_or_default());
        let mut added: Vec<Option<Added>> = vec![None; count];
        for place in places {
            let task = place.wrapping_sub(self.users);
            let node = task.wrapping_sub(self.tasks.len());
            added[place] = Some(match () {
                () if place < self.users => {
                    Added::User(session.add(User::new(format!("user {place}"))))
                }
                () if task < self.tasks.len() => {
                    Added::Task(session.add(Task::new(format!("task {task}"))))
                }
                () => Added::Node(session.add(Node::new(format!("node {node}")))),
            });
        }
        let (mut users, mut tasks, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
        for one in added.into_iter().flatten() {
            match one {
                Added::User(user) => users.push(user),
                Added::Task(task) => tasks.push(task),
                Added::Node(node) => nodes.push(node),
            }
        }
        for (&task, owner) in tasks.iter().zip(&self.tasks) {
            if let Some(owner) = owner {
                session.set(task, Task::USER, Some(users[*owner]))?;
            }
        }
        for (&node, parent) in nodes.iter().zip(&self.nodes) {
            if let Some(parent) = parent {
                // Setting either side has the same effect.
                match parent % 2 {
                    0 => session.set(node, Node::PARENT, Some(nodes[*parent]))?,
                    _ => session.push(nodes[*parent], Node::CHILDREN, node)?,
                }
            }
        }
        Ok(Written { users, nodes })
    }

    /// Returns the graph as lines, without the users and nodes with these numbers.
    fn lines(&self, users_gone: &[usize], nodes_gone: &[usize]) -> Vec<String> {
        let mut lines = Vec::new();
        for user in (0..self.users).filter(|user| !users_gone.contains(user)) {
            let mut tasks: Vec<String> = (0..self.tasks.len())
                .filter(|task| self.tasks[*task] == Some(user))
                .map(|task| format!("task {task}"))
                .collect();
            tasks.sort();
            lines.push(format!("user {user}: {}", tasks.join(", ")));
        }
        for (task, owner) in self.tasks.iter().enumerate() {
            if owner.is_none_or(|owner| users_gone.contains(&owner)) {
                lines.push(format!("task {task} of nobody"));
            }
        }
        for (node, parent) in self.nodes.iter().enumerate() {
            if nodes_gone.contains(&node) {
                continue;
            }
            let mut children: Vec<String> = (0..self.nodes.len())
                .filter(|child| self.nodes[*child] == Some(node) && !nodes_gone.contains(child))
                .map(|child| format!("node {child}"))
                .collect();
            children.sort_by(|a, b| b.cmp(a));
            let parent = parent.filter(|parent| !nodes_gone.contains(parent));
            let below = parent.map_or("root".to_owned(), |parent| format!("below {parent}"));
            lines.push(format!("node {node} {below}: {}", children.join(", ")));
        }
        lines.sort();
        lines
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Lazy,
    Selectin,
    Joined,
}

/// Returns the graph in the database, loaded in one way.
fn loaded(world: &World, way: Way) -> CaseResult<Vec<String>> {
    let mut session = world.session();
    let session = &mut session;
    let mut lines = Vec::new();
    let users = User::query();
    let users = match way {
        Way::Lazy => users,
        Way::Selectin => users.with(User::TASKS.selectin()),
        Way::Joined => users.with(User::TASKS.joined()),
    };
    for user in users.all(session)? {
        let mut tasks = Vec::new();
        for task in session.load(user, User::TASKS)? {
            check!(
                session.load(task, Task::USER)? == Some(user),
                "a task must have its user, loaded {way:?}"
            );
            tasks.push(session[task].title.clone());
        }
        tasks.sort();
        lines.push(format!("{}: {}", session[user].name, tasks.join(", ")));
    }
    let alone = Task::query().filter(Task::USER_ID.is_null());
    for task in alone.all(session)? {
        lines.push(format!("{} of nobody", session[task].title));
    }
    let nodes = Node::query();
    let nodes = match way {
        Way::Lazy => nodes,
        Way::Selectin => nodes
            .with(Node::CHILDREN.selectin())
            .with(Node::PARENT.selectin()),
        Way::Joined => nodes
            .with(Node::CHILDREN.joined())
            .with(Node::PARENT.joined()),
    };
    for node in nodes.all(session)? {
        let children = session.load(node, Node::CHILDREN)?;
        let children: Vec<String> = children.iter().map(|c| session[*c].label.clone()).collect();
        let below = match session.load(node, Node::PARENT)? {
            None => "root".to_owned(),
            Some(parent) => session[parent].label.replace("node", "below"),
        };
        lines.push(format!(
            "{} {below}: {}",
            session[node].label,
            children.join(", ")
        ));
    }
    lines.sort();
    Ok(lines)
}

fn loaders(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    context.property_of(&inputs(context), |_, graph| {
        empty(&world)?;
        let mut session = world.session();
        graph.add(&mut session)?;
        session.commit()?;
        drop(session);
        for way in [Way::Lazy, Way::Selectin, Way::Joined] {
            check_eq!(
                loaded(&world, way)?,
                graph.lines(&[], &[]),
                "the graph, loaded {way:?}"
            );
        }
        Ok(())
    })
}

/// Deletes all rows. Nodes reference each other, so their foreign keys are cleared first.
fn empty(world: &World) -> CaseResult {
    let mut connected = world.engine.connect()?;
    connected.write(&selfsame::sql::update(Node::table()).set(Node::PARENT_ID, None))?;
    drop(connected);
    world.empty(&["tasks", "users", "nodes"])
}

fn order(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    context.property_of(&inputs(context), |_, graph| {
        empty(&world)?;
        let mut session = world.session();
        let written = graph.add(&mut session)?;
        let committed = session.commit();
        check!(
            committed.is_ok(),
            "a graph must be written in any order, returned {committed:?}"
        );
        check_eq!(
            loaded(&world, Way::Lazy)?,
            graph.lines(&[], &[]),
            "the graph that was written"
        );
        let (mut users_gone, mut nodes_gone) = (Vec::new(), Vec::new());
        for (turn, which) in graph.gone.iter().enumerate() {
            let which = usize::from(*which);
            if turn % 2 == 0 && graph.users > 0 {
                users_gone.push(which % graph.users);
            } else if !graph.nodes.is_empty() {
                nodes_gone.push(which % graph.nodes.len());
            }
        }
        for gone in [&mut users_gone, &mut nodes_gone] {
            gone.sort_unstable();
            gone.dedup();
        }
        for user in users_gone.iter().rev() {
            session.delete(written.users[*user])?;
        }
        for node in &nodes_gone {
            session.delete(written.nodes[*node])?;
        }
        let committed = session.commit();
        check!(
            committed.is_ok(),
            "any part of a graph must be deleted, returned {committed:?}"
        );
        check_eq!(
            loaded(&world, Way::Selectin)?,
            graph.lines(&users_gone, &nodes_gone),
            "the graph without users {users_gone:?} and nodes {nodes_gone:?}"
        );
        Ok(())
    })
}
