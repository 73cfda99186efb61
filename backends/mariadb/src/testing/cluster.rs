//! [`Cluster`]: Galera nodes on the loopback interface.

use std::fmt;
use std::path::PathBuf;

use selfsame::error::Result;
use selfsame_testing::{Supervised, free_port, random_password, refused};

use super::local::program;
use super::supervisor::script;

/// Runs one node. The first creates the cluster; the others copy their data from a running one.
const ARGUMENTS: &str = "mariadbd=$1 install=$2 provider=$3 name=$4 port=$5 group=$6 ist=$7 sst=$8 members=$9 first=${10}";
const START: &str = r#"
"$install" --no-defaults --datadir="$dir/data" --auth-root-authentication-method=socket --skip-test-db >log 2>&1 </dev/null || failed
set --
[ "$first" = no ] || set -- --wsrep-new-cluster --init-file="$dir/init.sql"
ready='Synchronized with group, ready for connections'
# What gives a node its data runs in the node's group, and ends with it.
setsid "$mariadbd" --no-defaults --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 --socket="$dir/s" --pid-file="$dir/pid" \
  --skip-name-resolve --max-connections=300 --max-allowed-packet=64M --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
  --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --performance-schema=0 \
  --binlog-format=ROW --innodb-autoinc-lock-mode=2 --default-storage-engine=InnoDB \
  --wsrep-on=ON --wsrep-provider="$provider" --wsrep-cluster-name=selfsame --wsrep-cluster-address="gcomm://$members" \
  --wsrep-node-name="$name" --wsrep-node-address="127.0.0.1:$group" --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$sst" \
  --wsrep-provider-options="base_port=$group;gmcast.listen_addr=tcp://127.0.0.1:$group;ist.recv_addr=127.0.0.1:$ist;gcache.size=32M" \
  "$@" >log 2>&1 </dev/null &
"#;

/// The paths at which packages install Galera.
const PROVIDERS: [&str; 3] = [
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
];

/// The nodes of a cluster, each a process with its own data, stopped when dropped.
pub struct Cluster {
    nodes: Vec<Node>,
    programs: [PathBuf; 3],
    password: String,
}

struct Node {
    name: String,
    running: Option<Supervised>,
    /// The ports for clients, for the group, for incremental and for complete state transfers.
    ports: [u16; 4],
}

impl Cluster {
    /// Starts a cluster of this many nodes; each takes seconds.
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::ErrorKind::Configuration) if the binaries of MariaDB, Galera or rsync are missing, or with the errors in the log if a node does
    /// not start.
    pub fn start(count: usize) -> Result<Self> {
        let provider = PROVIDERS.map(PathBuf::from);
        let provider = provider.into_iter().find(|path| path.is_file());
        let provider = provider.ok_or_else(|| refused("libgalera_smm.so not found".to_owned()))?;
        program("rsync", "/usr/bin")?;
        let programs = [
            program("mariadbd", "/usr/sbin")?,
            program("mariadb-install-db", "/usr/bin")?,
            provider,
        ];
        let password =
            random_password().map_err(|error| refused(format!("no random numbers: {error}")))?;
        let mut nodes = Vec::new();
        for number in 1..=count {
            let mut ports = [0; 4];
            for port in &mut ports {
                *port = free_port().map_err(|error| refused(format!("no free port: {error}")))?;
            }
            nodes.push(Node {
                name: format!("n{number}"),
                running: None,
                ports,
            });
        }
        let mut cluster = Self {
            nodes,
            programs,
            password,
        };
        (0..count).try_for_each(|index| cluster.run(index, index == 0))?;
        Ok(cluster)
    }

    /// Returns the URL of all nodes; connections spread over them, and statements wait until a node has applied earlier commits.
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(Node::address).collect();
        format!(
            "mariadb://selfsame:{}@{}?spread=true&sync_wait=15",
            self.password,
            nodes.join(",")
        )
    }

    /// Returns the URL of one node.
    pub fn node_url(&self, index: usize) -> Option<String> {
        let address = self.nodes.get(index)?.address();
        Some(format!("mariadb://selfsame:{}@{address}", self.password))
    }

    /// Kills a node, as in a crash. Its data is lost.
    pub fn kill(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.running = None;
        }
    }

    /// Lets a killed node rejoin without data: another node provides it.
    ///
    /// # Errors
    ///
    /// Same as [`start`](Self::start).
    pub fn rejoin(&mut self, index: usize) -> Result<()> {
        self.run(index, false)
    }

    fn run(&mut self, index: usize, is_first: bool) -> Result<()> {
        let members: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.ports[1]))
            .collect();
        let Some(node) = self.nodes.get_mut(index) else {
            return Err(refused(format!("the cluster has no node {index}")));
        };
        let [server, install, provider] = &self.programs;
        let mut arguments = vec![
            install.display().to_string(),
            provider.display().to_string(),
            node.name.clone(),
        ];
        arguments.extend(node.ports.iter().map(u16::to_string));
        arguments.push(members.join(","));
        arguments.push(if is_first { "yes" } else { "no" }.to_owned());
        let what = format!("the node {}", node.name);
        let running = Supervised::start(
            &what,
            &script(ARGUMENTS, START),
            server,
            &arguments,
            &self.password,
        )?;
        node.running = Some(running);
        Ok(())
    }
}

impl Node {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }
}

/// Omits the password.
impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
