//! Association tables of many-to-many relations.

use std::sync::{Arc, OnceLock};

use super::{Mapper, RelationDescriptor};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, ForeignKey, ReferentialAction, Table};

/// The association table of a many-to-many relation: its primary key consists of two foreign keys. Both sides of the relation share it.
#[derive(Debug)]
pub struct Association {
    /// No type is mapped to the table, but statements are cached by the mapper's id.
    mapper: Mapper,
    left: Vec<usize>,
    right: Vec<usize>,
}

/// One of the two foreign keys of an association table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssociationSide {
    /// The first: it references the side that declared the table.
    Left,
    /// The second: it references the other side.
    Right,
}

/// The association table of a many-to-many relation, seen from one of its sides.
#[derive(Clone, Debug)]
pub struct Through {
    association: Arc<Association>,
    side: AssociationSide,
}

impl Association {
    /// Returns the table.
    pub fn table(&self) -> &Arc<Table> {
        self.mapper.table()
    }

    /// Returns the columns that reference a side's primary key, in the key's order.
    pub fn columns(&self, side: AssociationSide) -> &[usize] {
        match side {
            AssociationSide::Left => &self.left,
            AssociationSide::Right => &self.right,
        }
    }

    pub(crate) fn mapper(&self) -> &Mapper {
        &self.mapper
    }
}

impl AssociationSide {
    /// Returns the other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl Through {
    /// Returns the association table.
    pub fn association(&self) -> &Arc<Association> {
        &self.association
    }

    /// Returns which of its foreign keys references the relation's owner.
    pub fn side(&self) -> AssociationSide {
        self.side
    }

    /// Returns the columns that reference the relation's owner.
    pub fn here(&self) -> &[usize] {
        self.association.columns(self.side)
    }

    /// Returns the columns that reference the target.
    pub fn there(&self) -> &[usize] {
        self.association.columns(self.side.other())
    }
}

/// An association table as declared by one side of a relation.
#[derive(Clone, Debug)]
pub(crate) struct Secondary {
    table: String,
    /// The columns that reference the declaring side, then those that reference the target.
    columns: Vec<String>,
    association: Arc<OnceLock<Arc<Association>>>,
}

impl Secondary {
    pub(crate) fn new(table: &str, columns: Vec<String>) -> Self {
        Self {
            table: table.to_owned(),
            columns,
            association: Arc::default(),
        }
    }

    fn text(&self) -> String {
        format!("{}({})", self.table, self.columns.join(", "))
    }

    /// The declaration as seen from the other side; `width` is the number of columns that reference this one.
    fn mirrored(&self, width: usize) -> String {
        let (here, there) = self.columns.split_at(width.min(self.columns.len()));
        let columns = [there, here].concat();
        format!("{}({})", self.table, columns.join(", "))
    }
}

/// Finds the association table of a relation, whichever side declares it.
pub(super) fn through(
    mapper: &Mapper,
    relation: &RelationDescriptor,
    target: &Mapper,
    inverse: Option<u16>,
    side: &str,
) -> Result<Through> {
    let other = inverse.map(|index| &target.relations[usize::from(index)]);
    let theirs = other.and_then(|other| other.secondary.as_ref().zip(Some(other)));
    let (secondary, end) = match (&relation.secondary, theirs) {
        (Some(mine), None) => (mine, AssociationSide::Left),
        (None, Some((theirs, _))) => (theirs, AssociationSide::Right),
        (None, None) => {
            let message =
                format!("{side} has no association table: declare `secondary` on one side");
            return Err(Error::new(ErrorKind::Mapping, message));
        }
        (Some(mine), Some((theirs, other))) => {
            let mirrored = mine.mirrored(mapper.table.primary_key.len());
            if mirrored != theirs.text() {
                let message = format!(
                    "{side} uses the association table {}, but {}.{} uses {}; to match, it must declare {mirrored}",
                    mine.text(),
                    target.name,
                    other.name,
                    theirs.text()
                );
                return Err(Error::new(ErrorKind::Mapping, message));
            }
            // Both sides must make the same choice.
            let place = |mapper: &Mapper, name: &str| {
                let relations = mapper.relations.iter();
                let before = relations.take_while(|relation| relation.name != name);
                (mapper.table.name.clone(), before.count())
            };
            if place(mapper, &relation.name) < place(target, &other.name) {
                (mine, AssociationSide::Left)
            } else {
                (theirs, AssociationSide::Right)
            }
        }
    };
    let (left, right) = match end {
        AssociationSide::Left => (mapper, target),
        AssociationSide::Right => (target, mapper),
    };
    let association = match secondary.association.get() {
        Some(association) => Arc::clone(association),
        None => {
            let made = Arc::new(association(secondary, left, right, inverse, side)?);
            Arc::clone(secondary.association.get_or_init(|| made))
        }
    };
    Ok(Through {
        association,
        side: end,
    })
}

fn association(
    secondary: &Secondary,
    left: &Mapper,
    right: &Mapper,
    inverse: Option<u16>,
    side: &str,
) -> Result<Association> {
    let error = |message| Error::new(ErrorKind::Mapping, message);
    let keys: Vec<&Column> = left
        .table
        .key_columns()
        .chain(right.table.key_columns())
        .collect();
    if keys.len() != secondary.columns.len() {
        return Err(error(format!(
            "{side}: {} has {} columns, but the keys of {} and {} have {} together",
            secondary.text(),
            secondary.columns.len(),
            left.name,
            right.name,
            keys.len()
        )));
    }
    let mut table = Table::build(&secondary.table);
    for (name, key) in secondary.columns.iter().zip(&keys) {
        if table.position(name).is_some() {
            return Err(error(format!(
                "{side}: {} has `{name}` twice",
                secondary.text()
            )));
        }
        table = table.column(Column::new(name, key.ty.clone()));
    }
    let schemas = [&left.table.schema, &right.table.schema];
    let of = |schema: &&String| secondary.table.starts_with(&format!("{schema}."));
    table.schema = schemas.into_iter().flatten().find(of).cloned();
    let width = left.table.primary_key.len();
    let (here, there) = secondary.columns.split_at(width);
    // Without an inverse relation, deleting a target does not delete its pairs: the database does.
    let on_delete = match inverse {
        Some(_) => ReferentialAction::NoAction,
        None => ReferentialAction::Cascade,
    };
    table = table
        .primary_key(&secondary.columns)
        .index(there)
        .constraint(foreign_key(here, &left.table, ReferentialAction::NoAction))
        .constraint(foreign_key(there, &right.table, on_delete));
    Ok(Association {
        mapper: Mapper::new(&secondary.table, table),
        left: (0..width).collect(),
        right: (width..keys.len()).collect(),
    })
}

/// A foreign key of the association table, with ON UPDATE CASCADE so that pairs follow a changed key.
fn foreign_key(columns: &[String], to: &Table, on_delete: ReferentialAction) -> ForeignKey {
    ForeignKey {
        name: None,
        columns: columns.to_vec(),
        table: to.name.clone(),
        schema: to.schema.clone(),
        references: to.key_columns().map(|column| column.name.clone()).collect(),
        on_delete,
        on_update: ReferentialAction::Cascade,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entity;
    use crate::entity::{ManyToMany, RelationKind};
    use crate::value::Auto;

    #[derive(Entity, Clone, Debug)]
    struct Course {
        #[orm(primary_key, length = 9)]
        code: String,
        #[orm(secondary = "attendance(course, student_id)", back_populates = courses)]
        students: ManyToMany<Student>,
        #[orm(secondary = "requirement(course, needs)", back_populates = needed_by)]
        needs: ManyToMany<Course>,
        #[orm(back_populates = needs)]
        needed_by: ManyToMany<Self>,
    }

    #[derive(Entity, Clone, Debug)]
    struct Student {
        #[orm(primary_key)]
        id: Auto<i64>,
        #[orm(secondary = "attendance(student_id, course)", back_populates = students)]
        courses: ManyToMany<Course>,
        #[orm(secondary = "seat(student_id, course, place)")]
        too_many: ManyToMany<Course>,
    }

    fn throughs<E: Entity>() -> Vec<Through> {
        let resolved = E::mapper().resolved().expect("a mapping that fits");
        let throughs = resolved.iter().map(|relation| relation.through.clone());
        throughs.flatten().collect()
    }

    #[test]
    fn both_sides_share_one_table() {
        let [students, needs, needed_by] = &throughs::<Course>()[..] else {
            panic!("three relations");
        };
        assert!(Arc::ptr_eq(needs.association(), needed_by.association()));
        assert_eq!(
            (needs.side(), needed_by.side()),
            (AssociationSide::Left, AssociationSide::Right)
        );
        assert_eq!((needs.here(), needs.there()), (&[0][..], &[1][..]));
        assert_eq!((needed_by.here(), needed_by.there()), (&[1][..], &[0][..]));
        let table = students.association().table();
        let columns: Vec<_> = table.columns.iter().map(|c| (&*c.name, &c.ty)).collect();
        let code = &Course::table().columns[0].ty;
        let id = &Student::table().columns[0].ty;
        assert_eq!(columns, [("course", code), ("student_id", id)]);
        assert_eq!(
            (&table.primary_key[..], table.generated_key()),
            (&[0, 1][..], None)
        );
        let keys = table
            .foreign_keys
            .iter()
            .map(|key| (&*key.table, &*key.columns[0], key.on_delete, key.on_update));
        let (none, cascade) = (ReferentialAction::NoAction, ReferentialAction::Cascade);
        assert!(keys.eq([
            ("course", "course", none, cascade),
            ("student", "student_id", none, cascade)
        ]));
    }

    #[test]
    fn a_table_with_other_columns_than_the_keys_is_refused() {
        let error = Student::mapper().resolved().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mapping);
        let message = "Student.too_many: seat(student_id, course, place) has 3 columns, but the keys of Student and Course have 2 together";
        assert_eq!(error.message(), message);
        let metadata = crate::metadata![Student, Course];
        let error = metadata.create_statements(&crate::render::dialects::Arrays, |_| Ok(false));
        assert_eq!(error.unwrap_err().message(), message);
    }

    #[test]
    fn both_sides_must_agree() {
        let relation = |table: &str, columns: [&str; 2]| {
            RelationDescriptor::to::<Student>(RelationKind::ManyToMany, "students", "Student")
                .secondary(table, columns)
                .back_populates("courses")
        };
        let error = |relation| {
            let mapper = Mapper::new("Course", (**Course::table()).clone()).relation(relation);
            mapper.resolved().unwrap_err().message().to_owned()
        };
        assert_eq!(
            error(relation("attendance", ["student_id", "course"])),
            "Course.students uses the association table attendance(student_id, course), but Student.courses uses attendance(student_id, course); to match, it must declare attendance(course, student_id)"
        );
        let one_way = RelationDescriptor::to::<Student>(RelationKind::ManyToMany, "all", "Student");
        assert_eq!(
            error(one_way),
            "Course.all has no association table: declare `secondary` on one side"
        );
        let foreign_key =
            RelationDescriptor::to::<Student>(RelationKind::HasMany, "students", "Student")
                .back_populates("courses");
        assert_eq!(
            error(foreign_key),
            "Course.students and Student.courses: both must be a ManyToMany"
        );
    }
}
