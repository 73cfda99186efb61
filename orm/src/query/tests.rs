//! The statements of queries.

#[path = "../../tests/rendering/models.rs"]
mod models;

use super::run::{Read, rendered};
use super::*;
use crate::dialect::Dialect;
use crate::render::Rendered;
use crate::render::dialects::{Ansi, everywhere};
use crate::sql::{alias, count, on, raw, select};
use crate::value::ValueType;
use crate::{Entity, ErrorKind};
use models::{Branch, Club, Task, User};

impl<E: Mapped, S> Query<E, S> {
    /// Renders the query of its primary keys.
    fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        self.reading(dialect, Read::Columns(&self.mapper.table().primary_key))
    }

    fn reading(&self, dialect: &dyn Dialect, read: Read<'_>) -> Result<Rendered> {
        let selection = self.selection(self.parts.limit);
        rendered(dialect, &self.mapper, &selection, read)
    }
}

#[test]
fn what_is_read() {
    let all = User::query()
        .filter(User::NAME.eq("ann"))
        .order_by(User::AGE.desc().nulls_last())
        .order_by(User::NAME.asc().nulls_first())
        .order_by(User::ID.asc());
    let bounded = all.clone().limit(10).offset(u64::MAX);
    insta::assert_snapshot!(everywhere(|d| bounded.reading(d, Read::Columns(&[0, 1]))), @r#"
SELECT "id", "name" FROM "users" WHERE "name" = ? ORDER BY "age" DESC NULLS LAST, "name" NULLS FIRST, "id" LIMIT 10 OFFSET 9223372036854775807 ["ann"]
SELECT "id", "name" FROM "users" WHERE "name" = ? ORDER BY CASE WHEN "age" IS NULL THEN 1 ELSE 0 END, "age" DESC, CASE WHEN "name" IS NULL THEN 0 ELSE 1 END, "name", "id" LIMIT 10 OFFSET 9223372036854775807 ["ann"]
SELECT "id", "name" FROM "users" WHERE "name" = $1 ORDER BY "age" DESC NULLS LAST, "name" NULLS FIRST, "id" LIMIT 10 OFFSET 9223372036854775807 ["ann"]
"#);
    insta::assert_snapshot!(everywhere(|d| bounded.reading(d, Read::Count)), @r#"
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = ? LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = ? LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = $1 LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
"#);
    insta::assert_snapshot!(everywhere(|d| all.reading(d, Read::Exists)), @r#"
SELECT 1 FROM "users" WHERE "name" = ? LIMIT 1 ["ann"]
SELECT 1 FROM "users" WHERE "name" = ? LIMIT 1 ["ann"]
SELECT 1 FROM "users" WHERE "name" = $1 LIMIT 1 ["ann"]
"#);
    insta::assert_snapshot!(everywhere(|d| User::query().reading(d, Read::Count)), @r#"
SELECT COUNT(*) FROM "users" []
SELECT COUNT(*) FROM "users" []
SELECT COUNT(*) FROM "users" []
"#);
    let sql = bounded
        .reading(&Ansi, Read::Columns(&[0, 1]))
        .expect("renders")
        .sql;
    assert_eq!(sql.columns(), [ValueType::I64, ValueType::Text]);
}

#[test]
fn locks() {
    let free = Task::query().filter(Task::USER_ID.is_null()).limit(1);
    let next = free.clone().lock(RowLock::for_update().skip_locked());
    insta::assert_snapshot!(everywhere(|d| next.render(d)), @r#"
SELECT "id" FROM "tasks" WHERE "user_id" IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED []
Unsupported: a lock on rows is not supported by values
SELECT "id" FROM "tasks" WHERE "user_id" IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED []
"#);
}

#[test]
fn pages() {
    let users = User::query()
        .order_by(User::NAME.asc())
        .order_by(User::AGE.desc())
        .order_by(User::ID.asc());
    let page = users.clone().after(("ann", 3, 7_i64)).limit(2);
    insta::assert_snapshot!(everywhere(|d| page.render(d)), @r#"
SELECT "id" FROM "users" WHERE "name" > ? OR ("name" = ? AND "age" < ?) OR ("name" = ? AND "age" = ? AND "id" > ?) ORDER BY "name", "age" DESC, "id" LIMIT 2 ["ann", "ann", 3, "ann", 3, 7]
SELECT "id" FROM "users" WHERE "name" > ? OR ("name" = ? AND "age" < ?) OR ("name" = ? AND "age" = ? AND "id" > ?) ORDER BY "name", "age" DESC, "id" LIMIT 2 ["ann", "ann", 3, "ann", 3, 7]
SELECT "id" FROM "users" WHERE "name" > $1 OR ("name" = $2 AND "age" < $3) OR ("name" = $4 AND "age" = $5 AND "id" > $6) ORDER BY "name", "age" DESC, "id" LIMIT 2 ["ann", "ann", 3, "ann", 3, 7]
"#);
    for wrong in [
        users.clone().after(("ann",)),
        users.after((None::<String>, 3, 7)),
    ] {
        let error = wrong.render(&Ansi).expect_err("does not fit");
        assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    }
}

#[test]
fn conditions_on_what_is_related() {
    let busy = User::TASKS.any(Task::TITLE.starts_with("w"));
    insta::assert_snapshot!(everywhere(|d| User::query().filter(busy.clone()).render(d)), @r#"
SELECT "users"."id" FROM "users" WHERE EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length(?)) = ?) ["w", "w"]
SELECT "users"."id" FROM "users" WHERE EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length(?)) = ?) ["w", "w"]
SELECT "users"."id" FROM "users" WHERE EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length($1)) = $2) ["w", "w"]
"#);
    insta::assert_snapshot!(everywhere(|d| User::query().filter(!User::TASKS.any(true)).render(d)), @r#"
SELECT "users"."id" FROM "users" WHERE NOT (EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) []
SELECT "users"."id" FROM "users" WHERE NOT (EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) []
SELECT "users"."id" FROM "users" WHERE NOT (EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) []
"#);
    let of_ann = Task::USER.has(User::NAME.eq("ann").and(busy));
    insta::assert_snapshot!(everywhere(|d| Task::query().filter(of_ann.clone()).render(d)), @r#"
SELECT "tasks"."id" FROM "tasks" WHERE EXISTS (SELECT 1 FROM "users" WHERE "users"."id" = "tasks"."user_id" AND "users"."name" = ? AND EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length(?)) = ?)) ["ann", "w", "w"]
SELECT "tasks"."id" FROM "tasks" WHERE EXISTS (SELECT 1 FROM "users" WHERE "users"."id" = "tasks"."user_id" AND "users"."name" = ? AND EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length(?)) = ?)) ["ann", "w", "w"]
SELECT "tasks"."id" FROM "tasks" WHERE EXISTS (SELECT 1 FROM "users" WHERE "users"."id" = "tasks"."user_id" AND "users"."name" = $1 AND EXISTS (SELECT 1 FROM "tasks" WHERE "tasks"."user_id" = "users"."id" AND substr("tasks"."title", 1, length($2)) = $3)) ["ann", "w", "w"]
"#);
}

#[test]
fn conditions_on_a_table_that_is_related_to_itself() {
    let leaf = !Branch::CHILDREN.any(true);
    let grandparent = Branch::CHILDREN.any(Branch::CHILDREN.any(Branch::LABEL.eq("x")));
    insta::assert_snapshot!(everywhere(|d| Branch::query().filter(leaf.clone()).render(d)), @r#"
SELECT "branches"."id" FROM "branches" WHERE NOT (EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "branches"."id")) []
SELECT "branches"."id" FROM "branches" WHERE NOT (EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "branches"."id")) []
SELECT "branches"."id" FROM "branches" WHERE NOT (EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "branches"."id")) []
"#);
    insta::assert_snapshot!(everywhere(|d| Branch::query().filter(grandparent.clone()).render(d)), @r#"
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "children_2" WHERE "children_2"."parent_id" = "branches"."id" AND EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "children_2"."id" AND "children"."label" = ?)) ["x"]
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "children_2" WHERE "children_2"."parent_id" = "branches"."id" AND EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "children_2"."id" AND "children"."label" = ?)) ["x"]
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "children_2" WHERE "children_2"."parent_id" = "branches"."id" AND EXISTS (SELECT 1 FROM "branches" AS "children" WHERE "children"."parent_id" = "children_2"."id" AND "children"."label" = $1)) ["x"]
"#);
    let own = select(Branch::ID).from(Branch::table());
    let below = Branch::PARENT.has(Branch::ID.in_(own));
    insta::assert_snapshot!(everywhere(|d| Branch::query().filter(below.clone()).render(d)), @r#"
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "parent" WHERE "parent"."id" = "branches"."parent_id" AND "parent"."id" IN (SELECT "branches"."id" FROM "branches")) []
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "parent" WHERE "parent"."id" = "branches"."parent_id" AND "parent"."id" IN (SELECT "branches"."id" FROM "branches")) []
SELECT "branches"."id" FROM "branches" WHERE EXISTS (SELECT 1 FROM "branches" AS "parent" WHERE "parent"."id" = "branches"."parent_id" AND "parent"."id" IN (SELECT "branches"."id" FROM "branches")) []
"#);
}

#[test]
fn joins_find_each_object_once() {
    let users = User::query()
        .join(User::TASKS)
        .filter(Task::TITLE.eq("x"))
        .filter(User::AGE.gt(3))
        .order_by(User::NAME.asc())
        .order_by(Task::TITLE.desc())
        .limit(2);
    insta::assert_snapshot!(everywhere(|d| users.render(d)), @r#"
SELECT "users"."id" FROM "users" JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "tasks"."title" = ? AND "users"."age" > ? GROUP BY "users"."id" ORDER BY "users"."name", MAX("tasks"."title") DESC LIMIT 2 ["x", 3]
SELECT "users"."id" FROM "users" JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "tasks"."title" = ? AND "users"."age" > ? GROUP BY "users"."id" ORDER BY "users"."name", MAX("tasks"."title") DESC LIMIT 2 ["x", 3]
SELECT "users"."id" FROM "users" JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "tasks"."title" = $1 AND "users"."age" > $2 GROUP BY "users"."id" ORDER BY "users"."name", MAX("tasks"."title") DESC LIMIT 2 ["x", 3]
"#);
    let busiest = User::query()
        .left_join(User::TASKS)
        .having(count(Task::ID).ge(2))
        .order_by(count(Task::ID).desc());
    insta::assert_snapshot!(everywhere(|d| busiest.render(d)), @r#"
SELECT "users"."id" FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" GROUP BY "users"."id" HAVING COUNT("tasks"."id") >= ? ORDER BY COUNT("tasks"."id") DESC [2]
SELECT "users"."id" FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" GROUP BY "users"."id" HAVING COUNT("tasks"."id") >= ? ORDER BY COUNT("tasks"."id") DESC [2]
SELECT "users"."id" FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" GROUP BY "users"."id" HAVING COUNT("tasks"."id") >= $1 ORDER BY COUNT("tasks"."id") DESC [2]
"#);
    let tasks = Task::query().join(Task::USER).order_by(User::NAME.asc());
    insta::assert_snapshot!(everywhere(|d| tasks.render(d)), @r#"
SELECT "tasks"."id" FROM "tasks" JOIN "users" ON "users"."id" = "tasks"."user_id" ORDER BY "users"."name" []
SELECT "tasks"."id" FROM "tasks" JOIN "users" ON "users"."id" = "tasks"."user_id" ORDER BY "users"."name" []
SELECT "tasks"."id" FROM "tasks" JOIN "users" ON "users"."id" = "tasks"."user_id" ORDER BY "users"."name" []
"#);
}

#[test]
fn joins_by_condition_and_with_itself() {
    let older = alias::<User>("older");
    let pairs = User::query()
        .join_on(&older, older.column(User::AGE).gt(0).and(raw("1 = 1")))
        .filter(on(older.column(User::NAME), User::NAME));
    insta::assert_snapshot!(everywhere(|d| pairs.render(d)), @r#"
SELECT "users"."id" FROM "users" JOIN "users" AS "older" ON "older"."age" > ? AND (1 = 1) WHERE "older"."name" = "users"."name" GROUP BY "users"."id" [0]
SELECT "users"."id" FROM "users" JOIN "users" AS "older" ON "older"."age" > ? AND (1 = 1) WHERE "older"."name" = "users"."name" GROUP BY "users"."id" [0]
SELECT "users"."id" FROM "users" JOIN "users" AS "older" ON "older"."age" > $1 AND (1 = 1) WHERE "older"."name" = "users"."name" GROUP BY "users"."id" [0]
"#);
    let (parent, root) = (alias::<Branch>("parent"), alias::<Branch>("root"));
    let below = Branch::query()
        .join(Branch::PARENT.to(&parent))
        .left_join(Branch::PARENT.of(&parent).to(&root))
        .filter(root.column(Branch::LABEL).eq("oak"));
    insta::assert_snapshot!(everywhere(|d| below.render(d)), @r#"
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" LEFT JOIN "branches" AS "root" ON "root"."id" = "parent"."parent_id" WHERE "root"."label" = ? ["oak"]
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" LEFT JOIN "branches" AS "root" ON "root"."id" = "parent"."parent_id" WHERE "root"."label" = ? ["oak"]
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" LEFT JOIN "branches" AS "root" ON "root"."id" = "parent"."parent_id" WHERE "root"."label" = $1 ["oak"]
"#);
    let with_twins = Branch::query()
        .join(Branch::PARENT.to(&parent))
        .filter(Branch::CHILDREN.of(&parent).any(Branch::LABEL.eq("x")));
    insta::assert_snapshot!(everywhere(|d| with_twins.render(d)), @r#"
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" WHERE EXISTS (SELECT 1 FROM "branches" WHERE "branches"."parent_id" = "parent"."id" AND "branches"."label" = ?) ["x"]
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" WHERE EXISTS (SELECT 1 FROM "branches" WHERE "branches"."parent_id" = "parent"."id" AND "branches"."label" = ?) ["x"]
SELECT "branches"."id" FROM "branches" JOIN "branches" AS "parent" ON "parent"."id" = "branches"."parent_id" WHERE EXISTS (SELECT 1 FROM "branches" WHERE "branches"."parent_id" = "parent"."id" AND "branches"."label" = $1) ["x"]
"#);
}

#[test]
fn many_to_many() {
    let of_ann = Club::MEMBERS.any(User::NAME.eq("ann"));
    insta::assert_snapshot!(everywhere(|d| Club::query().filter(of_ann.clone()).render(d)), @r#"
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_members" JOIN "users" ON "users"."id" = "club_members"."member_id" WHERE "club_members"."club_id" = "clubs"."id" AND "users"."name" = ?) ["ann"]
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_members" JOIN "users" ON "users"."id" = "club_members"."member_id" WHERE "club_members"."club_id" = "clubs"."id" AND "users"."name" = ?) ["ann"]
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_members" JOIN "users" ON "users"."id" = "club_members"."member_id" WHERE "club_members"."club_id" = "clubs"."id" AND "users"."name" = $1) ["ann"]
"#);
    let befriended = Club::FRIENDS.any(Club::FRIENDS.any(Club::TITLE.eq("x")));
    insta::assert_snapshot!(everywhere(|d| Club::query().filter(befriended.clone()).render(d)), @r#"
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_friends" AS "friends_2_pairs" JOIN "clubs" AS "friends_2" ON "friends_2"."id" = "friends_2_pairs"."friend_id" WHERE "friends_2_pairs"."club_id" = "clubs"."id" AND EXISTS (SELECT 1 FROM "club_friends" AS "friends_pairs" JOIN "clubs" AS "friends" ON "friends"."id" = "friends_pairs"."friend_id" WHERE "friends_pairs"."club_id" = "friends_2"."id" AND "friends"."title" = ?)) ["x"]
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_friends" AS "friends_2_pairs" JOIN "clubs" AS "friends_2" ON "friends_2"."id" = "friends_2_pairs"."friend_id" WHERE "friends_2_pairs"."club_id" = "clubs"."id" AND EXISTS (SELECT 1 FROM "club_friends" AS "friends_pairs" JOIN "clubs" AS "friends" ON "friends"."id" = "friends_pairs"."friend_id" WHERE "friends_pairs"."club_id" = "friends_2"."id" AND "friends"."title" = ?)) ["x"]
SELECT "clubs"."id" FROM "clubs" WHERE EXISTS (SELECT 1 FROM "club_friends" AS "friends_2_pairs" JOIN "clubs" AS "friends_2" ON "friends_2"."id" = "friends_2_pairs"."friend_id" WHERE "friends_2_pairs"."club_id" = "clubs"."id" AND EXISTS (SELECT 1 FROM "club_friends" AS "friends_pairs" JOIN "clubs" AS "friends" ON "friends"."id" = "friends_pairs"."friend_id" WHERE "friends_pairs"."club_id" = "friends_2"."id" AND "friends"."title" = $1)) ["x"]
"#);
    let (member, friend) = (alias::<User>("member"), alias::<Club>("friend"));
    let clubs = Club::query()
        .left_join(Club::FRIENDS.to(&friend))
        .join(Club::MEMBERS.of(&friend).to(&member))
        .filter(member.column(User::ACTIVE));
    insta::assert_snapshot!(everywhere(|d| clubs.render(d)), @r#"
SELECT "clubs"."id" FROM "clubs" LEFT JOIN "club_friends" AS "friend_pairs" ON "friend_pairs"."club_id" = "clubs"."id" LEFT JOIN "clubs" AS "friend" ON "friend"."id" = "friend_pairs"."friend_id" JOIN "club_members" AS "member_pairs" ON "member_pairs"."club_id" = "friend"."id" JOIN "users" AS "member" ON "member"."id" = "member_pairs"."member_id" WHERE "member"."active" GROUP BY "clubs"."id" []
SELECT "clubs"."id" FROM "clubs" LEFT JOIN "club_friends" AS "friend_pairs" ON "friend_pairs"."club_id" = "clubs"."id" LEFT JOIN "clubs" AS "friend" ON "friend"."id" = "friend_pairs"."friend_id" JOIN "club_members" AS "member_pairs" ON "member_pairs"."club_id" = "friend"."id" JOIN "users" AS "member" ON "member"."id" = "member_pairs"."member_id" WHERE "member"."active" GROUP BY "clubs"."id" []
SELECT "clubs"."id" FROM "clubs" LEFT JOIN "club_friends" AS "friend_pairs" ON "friend_pairs"."club_id" = "clubs"."id" LEFT JOIN "clubs" AS "friend" ON "friend"."id" = "friend_pairs"."friend_id" JOIN "club_members" AS "member_pairs" ON "member_pairs"."club_id" = "friend"."id" JOIN "users" AS "member" ON "member"."id" = "member_pairs"."member_id" WHERE "member"."active" GROUP BY "clubs"."id" []
"#);
}

#[test]
fn columns_instead_of_objects() {
    let counts = User::query()
        .left_join(User::TASKS)
        .filter(User::ACTIVE)
        .order_by(User::NAME.asc())
        .select((User::NAME, count(Task::ID)))
        .group_by(User::ID);
    insta::assert_snapshot!(everywhere(|d| counts.render(d)), @r#"
SELECT "users"."name", COUNT("tasks"."id") FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "users"."active" GROUP BY "users"."id" ORDER BY "users"."name" []
SELECT "users"."name", COUNT("tasks"."id") FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "users"."active" GROUP BY "users"."id" ORDER BY "users"."name" []
SELECT "users"."name", COUNT("tasks"."id") FROM "users" LEFT JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE "users"."active" GROUP BY "users"."id" ORDER BY "users"."name" []
"#);
    let names = User::query()
        .filter(User::ACTIVE)
        .limit(3)
        .select(User::NAME)
        .distinct();
    insta::assert_snapshot!(everywhere(|d| names.render(d)), @r#"
SELECT DISTINCT "name" FROM "users" WHERE "active" LIMIT 3 []
SELECT DISTINCT "name" FROM "users" WHERE "active" LIMIT 3 []
SELECT DISTINCT "name" FROM "users" WHERE "active" LIMIT 3 []
"#);
}

#[test]
fn a_table_that_is_not_joined_is_refused() {
    let stray = User::query().join(User::TASKS).filter(Branch::ID.eq(1));
    insta::assert_snapshot!(everywhere(|d| stray.render(d)), @r#"
InvalidStatement: branches.id: the statement uses a column of `branches`, which it does not read
InvalidStatement: branches.id: the statement uses a column of `branches`, which it does not read
InvalidStatement: branches.id: the statement uses a column of `branches`, which it does not read
"#);
    let stray = User::query()
        .filter(User::TASKS.any(raw("1 = 1")))
        .select(Task::ID);
    insta::assert_snapshot!(everywhere(|d| stray.render(d)), @r#"
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
"#);
}
