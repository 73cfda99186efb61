//! Tests of the checker: it finds each planted anomaly, and nothing else.

use super::*;

fn committed(ops: Vec<Op>) -> Transaction {
    Transaction {
        ops,
        end: End::Committed,
    }
}

fn aborted(ops: Vec<Op>) -> Transaction {
    Transaction {
        ops,
        end: End::Aborted,
    }
}

fn append(key: u32, value: i64) -> Op {
    Op::Append { key, value }
}

fn list(key: u32, values: &[i64]) -> Op {
    Op::ReadList {
        key,
        values: values.to_vec(),
    }
}

fn write(key: u32, value: i64) -> Op {
    Op::Write { key, value }
}

fn read(key: u32, value: i64) -> Op {
    Op::Read { key, value }
}

/// Checks the anomalies of a history, and the level that allows them.
fn expect(history: &[Transaction], anomalies: &[Anomaly], level: Level) {
    let verdict = check(history);
    let found: Vec<Anomaly> = verdict.anomalies.keys().copied().collect();
    assert_eq!(found, anomalies, "{verdict:?}");
    assert_eq!(verdict.level(), level);
}

#[test]
fn a_serial_history_shows_nothing() {
    let history = [
        committed(vec![
            list(1, &[]),
            append(1, 1),
            list(1, &[1]),
            append(1, 2),
        ]),
        aborted(vec![append(1, 9), write(7, 9)]),
        committed(vec![
            list(1, &[1, 2]),
            append(2, 3),
            read(7, INITIAL),
            write(7, 5),
        ]),
        committed(vec![
            list(2, &[3]),
            append(1, 4),
            read(7, 5),
            write(7, 6),
            read(7, 6),
        ]),
        committed(vec![list(1, &[1, 2, 4]), list(2, &[3]), read(7, 6)]),
    ];
    expect(&history, &[], Level::Serializable);
}

#[test]
fn dirty_writes() {
    let history = [
        committed(vec![append(1, 1), append(2, 1)]),
        committed(vec![append(1, 2), append(2, 2)]),
        committed(vec![list(1, &[1, 2])]),
        committed(vec![list(2, &[2, 1])]),
    ];
    let verdict = check(&history);
    assert!(verdict.anomalies.contains_key(&Anomaly::G0), "{verdict:?}");
    assert_eq!(verdict.level(), Level::Nothing);
}

#[test]
fn one_list_in_two_orders() {
    let history = [
        committed(vec![append(1, 1)]),
        committed(vec![append(1, 2)]),
        committed(vec![list(1, &[2])]),
        committed(vec![list(1, &[1, 2])]),
    ];
    assert_eq!(check(&history).level(), Level::Nothing);
}

#[test]
fn aborted_reads() {
    let lists = [aborted(vec![append(1, 1)]), committed(vec![list(1, &[1])])];
    expect(&lists, &[Anomaly::G1a], Level::ReadUncommitted);
    let registers = [aborted(vec![write(1, 1)]), committed(vec![read(1, 1)])];
    expect(&registers, &[Anomaly::G1a], Level::ReadUncommitted);
    let from_nowhere = [committed(vec![read(1, 77)])];
    expect(&from_nowhere, &[Anomaly::G1a], Level::ReadUncommitted);
}

#[test]
fn what_may_have_been_committed_may_be_read() {
    let unknown = Transaction {
        ops: vec![append(1, 1)],
        end: End::Unknown,
    };
    let history = [unknown, committed(vec![list(1, &[1])])];
    expect(&history, &[], Level::Serializable);
}

#[test]
fn intermediate_reads() {
    let lists = [
        committed(vec![append(1, 1), append(1, 2)]),
        committed(vec![list(1, &[1])]),
        committed(vec![list(1, &[1, 2])]),
    ];
    let verdict = check(&lists);
    assert!(verdict.anomalies.contains_key(&Anomaly::G1b), "{verdict:?}");
    let registers = [
        committed(vec![write(1, 1), write(1, 2)]),
        committed(vec![read(1, 1)]),
    ];
    expect(&registers, &[Anomaly::G1b], Level::ReadUncommitted);
}

#[test]
fn circular_information_flow() {
    let history = [
        committed(vec![append(1, 1), list(2, &[2])]),
        committed(vec![append(2, 2), list(1, &[1])]),
    ];
    expect(&history, &[Anomaly::G1c], Level::ReadUncommitted);
}

#[test]
fn lost_updates() {
    let history = [
        committed(vec![read(1, INITIAL), write(1, 1)]),
        committed(vec![read(1, INITIAL), write(1, 2)]),
    ];
    let verdict = check(&history);
    assert!(
        verdict.anomalies.contains_key(&Anomaly::LostUpdate),
        "{verdict:?}"
    );
    assert_eq!(verdict.level(), Level::ReadCommitted);
    let lists = [
        committed(vec![list(1, &[]), append(1, 1)]),
        committed(vec![list(1, &[]), append(1, 2)]),
        committed(vec![list(1, &[1, 2])]),
    ];
    expect(&lists, &[Anomaly::GSingle], Level::ReadCommitted);
}

#[test]
fn read_skew() {
    let history = [
        committed(vec![append(1, 1), append(2, 1)]),
        committed(vec![list(1, &[]), list(2, &[1])]),
        committed(vec![list(1, &[1])]),
    ];
    expect(&history, &[Anomaly::GSingle], Level::ReadCommitted);
}

#[test]
fn write_skew() {
    let lists = [
        committed(vec![list(1, &[]), append(2, 1)]),
        committed(vec![list(2, &[]), append(1, 2)]),
        committed(vec![list(1, &[2]), list(2, &[1])]),
    ];
    expect(&lists, &[Anomaly::G2], Level::Snapshot);
    let registers = [
        committed(vec![read(1, INITIAL), read(2, INITIAL), write(2, 1)]),
        committed(vec![read(1, INITIAL), read(2, INITIAL), write(1, 2)]),
    ];
    expect(&registers, &[Anomaly::G2], Level::Snapshot);
}

#[test]
fn a_transaction_reads_what_it_wrote() {
    let lists = [committed(vec![append(1, 1), list(1, &[])])];
    expect(&lists, &[Anomaly::Internal], Level::Nothing);
    let registers = [committed(vec![write(1, 1), read(1, INITIAL)])];
    expect(&registers, &[Anomaly::Internal], Level::Nothing);
}
