//! The output of the derive for embedded values: columns of the entity, their typed constants, and values read and written by index.

use selfsame::backend::Row;
use selfsame::entity::{BelongsTo, HasMany, Mapped, Optional, Present};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Auto, ColumnValue, Timestamp, ValueRef, ValueType};
use selfsame::{Embedded, Entity, ErrorKind};

#[derive(Embedded, Clone, Debug, PartialEq)]
#[orm(index(zip, street), check = "zip <> street")]
struct Address {
    street: String,
    #[orm(length = 5, unique, check = "length(zip) = 5", validate = digits)]
    zip: String,
    #[orm(length = 2)]
    country: Option<String>,
    #[orm(flatten, prefix = "at_")]
    position: Position,
}

#[derive(Embedded, Clone, Copy, Debug, PartialEq)]
struct Position {
    #[orm(column = "lat")]
    latitude: f64,
    #[orm(column = "long")]
    longitude: f64,
}

/// A mixin: who made the row, and when.
#[derive(Embedded, Clone, Debug, PartialEq)]
struct Audit<W: ColumnValue> {
    created_by: W,
    #[orm(server_default = "CURRENT_TIMESTAMP")]
    created_at: Auto<Timestamp>,
    #[orm(version)]
    revision: i32,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "customers")]
struct Customer {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(flatten)]
    home: Address,
    #[orm(flatten, prefix = "billing_")]
    billing: Option<Address>,
    vip: bool,
    #[orm(flatten)]
    audit: Audit<i64>,
}

fn digits(text: &str) -> Result<(), &'static str> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then_some(()).ok_or("not all digits")
}

fn home() -> Address {
    Address::new("Main St", "12345", Position::new(1.5, -2.5))
}

fn customer() -> Customer {
    Customer::new("ann", home(), true, Audit::new(7))
}

/// The row of `customer()` with key 5, with or without a billing address.
fn row(billing: bool) -> Vec<ValueRef<'static>> {
    let billing = match billing {
        true => [
            ValueRef::Text("Side St"),
            ValueRef::Text("54321"),
            ValueRef::Text("de"),
            ValueRef::F64(0.0),
            ValueRef::F64(1.0),
        ],
        false => [ValueRef::Null; 5],
    };
    let mut row = vec![
        ValueRef::I64(5),
        ValueRef::Text("ann"),
        ValueRef::Text("Main St"),
        ValueRef::Text("12345"),
        ValueRef::Null,
        ValueRef::F64(1.5),
        ValueRef::F64(-2.5),
    ];
    row.extend(billing);
    row.extend([
        ValueRef::Bool(true),
        ValueRef::I64(7),
        ValueRef::Timestamp(Timestamp(1)),
        ValueRef::I32(1),
    ]);
    row
}

struct Values<'a>(&'a [ValueRef<'a>]);

impl Row for Values<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, _: usize) -> &str {
        ""
    }

    fn value(&self, index: usize, ty: ValueType) -> selfsame::Result<ValueRef<'_>> {
        let value = self.0[index];
        assert!(
            value.value_type().is_none_or(|found| found == ty),
            "column {index} is requested as {ty:?}"
        );
        Ok(value)
    }
}

#[test]
fn its_columns_are_columns_of_the_table() {
    let text = |length| ColumnType::Text { length };
    let address = |table: Table, prefix: &str, nullable: bool| {
        let columns = [
            Column::new(format!("{prefix}street"), text(None)),
            Column::new(format!("{prefix}zip"), text(Some(5))),
            Column::new(format!("{prefix}country"), text(Some(2))).nullable(),
            Column::new(format!("{prefix}at_lat"), ColumnType::F64),
            Column::new(format!("{prefix}at_long"), ColumnType::F64),
        ];
        columns.into_iter().fold(table, |table, mut column| {
            column.nullable |= nullable;
            table.column(column)
        })
    };
    let created = Generated::Default("CURRENT_TIMESTAMP".to_owned());
    let table = Table::build("customers")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("name", text(None)));
    let table = address(address(table, "", false), "billing_", true);
    let wanted = table
        .column(Column::new("vip", ColumnType::Bool))
        .column(Column::new("created_by", ColumnType::I64))
        .column(Column::new("created_at", ColumnType::Timestamp).generated(created))
        .column(Column::new("revision", ColumnType::I32))
        .primary_key(["id"])
        .unique(["zip"])
        .unique(["billing_zip"])
        .index(["zip", "street"])
        .index(["billing_zip", "billing_street"])
        .check("length(zip) = 5")
        .check("zip <> street")
        .check("length(billing_zip) = 5")
        .check("billing_zip <> billing_street");
    assert_eq!(**Customer::table(), wanted);
    assert_eq!(Customer::mapper().version_column(), Some(15));
}

#[test]
fn constants_name_its_columns() {
    use selfsame::sql::Column;
    let street: Column<Customer, String> = Customer::HOME.street;
    let billing: Column<Customer, Option<String>> = Customer::BILLING.street;
    let country: Column<Customer, Option<String>> = Customer::BILLING.country;
    let latitude: Column<Customer, f64> = Customer::HOME.position.latitude;
    let longitude: Column<Customer, Option<f64>> = Customer::BILLING.position.longitude;
    let created_by: Column<Customer, i64> = Customer::AUDIT.created_by;
    let names = [
        street.definition(),
        billing.definition(),
        country.definition(),
        latitude.definition(),
        longitude.definition(),
        created_by.definition(),
        Customer::VIP.definition(),
        Customer::AUDIT.created_at.definition(),
    ]
    .map(|column| column.name.as_str());
    let wanted = [
        "street",
        "billing_street",
        "billing_country",
        "at_lat",
        "billing_at_long",
        "created_by",
        "vip",
        "created_at",
    ];
    assert_eq!(names, wanted);
    // The struct of columns can be named.
    let _: AddressColumns<Customer, Present> = Customer::HOME;
    let _: AddressColumns<Customer, Optional> = Customer::BILLING;
}

#[test]
fn a_row_is_read_with_it() -> selfsame::Result<()> {
    let mapper = Customer::mapper();
    let behind_another: Vec<_> = [ValueRef::Bool(true)]
        .into_iter()
        .chain(row(true))
        .collect();
    let customer = Customer::hydrate(mapper, &Values(&behind_another), 1)?;
    assert_eq!((&customer.home, customer.vip), (&home(), true));
    let billing = customer.billing.expect("it is there");
    assert_eq!(
        (billing.street.as_str(), billing.country.as_deref()),
        ("Side St", Some("de"))
    );
    assert_eq!(customer.audit.created_at.get(), Some(&Timestamp(1)));
    let without = Customer::hydrate(mapper, &Values(&row(false)), 0)?;
    assert_eq!((without.billing, without.audit.revision), (None, 1));
    Ok(())
}

#[test]
fn columns_are_read_and_assigned_by_number() -> selfsame::Result<()> {
    let mapper = Customer::mapper();
    for billing in [true, false] {
        let row = row(billing);
        let mut customer = customer();
        customer.billing = billing.then(home);
        let unset: Vec<_> = (0..16).filter(|&i| customer.is_unset(mapper, i)).collect();
        assert_eq!(unset, [0, 14]);
        for (column, &value) in row.iter().enumerate() {
            customer.assign(mapper, column, value)?;
            assert_eq!(
                customer.value(mapper, column).value(),
                Some(value),
                "{column}"
            );
        }
        let mut each = Vec::new();
        customer.each_value(mapper, |column, value| {
            assert_eq!(value.value(), Some(row[column]));
            each.push(column);
        });
        assert_eq!(each, (0..16).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn an_optional_value_is_set_as_a_whole() -> selfsame::Result<()> {
    let mapper = Customer::mapper();
    let mut customer = Customer::hydrate(mapper, &Values(&row(false)), 0)?;
    let error = customer.assign(mapper, 7, ValueRef::Text("Side St"));
    let error = error.expect_err("no billing address");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Conversion, Some("billing_street"))
    );

    let columns: Vec<usize> = (6..13).collect();
    customer.assign_many(mapper, &columns, &Values(&row(true)))?;
    let there = customer.billing.clone().expect("it was set");
    assert_eq!(
        (there.zip.as_str(), there.position.longitude),
        ("54321", 1.0)
    );

    // Its own column alone.
    let mut other = row(true);
    other[8] = ValueRef::Text("99999");
    customer.assign_many(mapper, &[8], &Values(&other))?;
    let wanted = Address {
        zip: "99999".to_owned(),
        ..there
    };
    assert_eq!(customer.billing.as_ref(), Some(&wanted));

    let error = customer.assign_many(mapper, &[7], &Values(&row(false)));
    let error = error.expect_err("the others are there");
    assert_eq!(error.column_name(), Some("billing_street"));
    customer.assign_many(mapper, &columns, &Values(&row(false)))?;
    assert_eq!((customer.billing, customer.name.as_str()), (None, "ann"));
    Ok(())
}

#[test]
fn errors_name_the_column_of_the_table() {
    let mapper = Customer::mapper();
    let mut row = row(true);
    row[11] = ValueRef::Null;
    let error = Customer::hydrate(mapper, &Values(&row), 0).expect_err("half a position");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Conversion, Some("billing_at_long"))
    );

    let mut customer = customer();
    customer.home.zip = "1234x".to_owned();
    let error = customer.validate(mapper, 3).expect_err("not all digits");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Validation, Some("zip"))
    );
    assert!(customer.validate(mapper, 8).is_ok(), "no billing address");
    customer.billing = Some(customer.home.clone());
    let error = customer.validate(mapper, 8).expect_err("not all digits");
    assert_eq!(error.column_name(), Some("billing_zip"));
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
struct Person {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = owner)]
    boats: HasMany<Boat>,
}

#[derive(Embedded, Clone, Debug, Default)]
struct Ownership {
    #[orm(references = "people.id", on_delete = "set null")]
    id: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "boats")]
struct Boat {
    #[orm(flatten, prefix = "owner_", default = Ownership::default())]
    ownership: Ownership,
    #[orm(primary_key)]
    name: String,
    #[orm(key = "owner_id", back_populates = boats)]
    owner: BelongsTo<Person>,
}

#[test]
fn a_relation_may_follow_a_key_in_it() -> selfsame::Result<()> {
    let [owner] = Boat::mapper().resolved()? else {
        panic!("a boat has one relation");
    };
    assert_eq!((&owner.local[..], &owner.remote[..]), (&[0][..], &[0][..]));
    let [boats] = Person::mapper().resolved()? else {
        panic!("a person has one relation");
    };
    assert_eq!((&boats.remote[..], boats.required), (&[0][..], false));
    let boat = Boat::new("Argo");
    assert_eq!(boat.key(Boat::mapper()).as_deref(), Some("Argo"));
    assert_eq!(
        (Boat::table().primary_key.as_slice(), boat.ownership.id),
        (&[1][..], None)
    );
    Ok(())
}

/// Very many columns, whose names are compared at compile time.
macro_rules! wide {
    ($($column:ident)*) => {
        #[derive(Embedded, Clone, Debug)]
        struct Wide {
            $($column: i32,)*
        }
    };
}
wide!(
    column_number_0_0 column_number_0_1 column_number_0_2 column_number_0_3 column_number_0_4
    column_number_1_0 column_number_1_1 column_number_1_2 column_number_1_3 column_number_1_4
    column_number_2_0 column_number_2_1 column_number_2_2 column_number_2_3 column_number_2_4
    column_number_3_0 column_number_3_1 column_number_3_2 column_number_3_3 column_number_3_4
    column_number_4_0 column_number_4_1 column_number_4_2 column_number_4_3 column_number_4_4
    column_number_5_0 column_number_5_1 column_number_5_2 column_number_5_3 column_number_5_4
    column_number_6_0 column_number_6_1 column_number_6_2 column_number_6_3 column_number_6_4
    column_number_7_0 column_number_7_1 column_number_7_2 column_number_7_3 column_number_7_4
    column_number_8_0 column_number_8_1 column_number_8_2 column_number_8_3 column_number_8_4
    column_number_9_0 column_number_9_1 column_number_9_2 column_number_9_3 column_number_9_4
    column_number_10_0 column_number_10_1 column_number_10_2 column_number_10_3 column_number_10_4
    column_number_11_0 column_number_11_1 column_number_11_2 column_number_11_3 column_number_11_4
    column_number_12_0 column_number_12_1 column_number_12_2 column_number_12_3 column_number_12_4
    column_number_13_0 column_number_13_1 column_number_13_2 column_number_13_3 column_number_13_4
    column_number_14_0 column_number_14_1 column_number_14_2 column_number_14_3 column_number_14_4
    column_number_15_0 column_number_15_1 column_number_15_2 column_number_15_3 column_number_15_4
    column_number_16_0 column_number_16_1 column_number_16_2 column_number_16_3 column_number_16_4
    column_number_17_0 column_number_17_1 column_number_17_2 column_number_17_3 column_number_17_4
    column_number_18_0 column_number_18_1 column_number_18_2 column_number_18_3 column_number_18_4
    column_number_19_0 column_number_19_1 column_number_19_2 column_number_19_3 column_number_19_4
);

#[derive(Entity, Clone, Debug)]
#[orm(no_new)]
struct Widest {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    here: Wide,
    #[orm(flatten, prefix = "a_name_that_is_quite_long_")]
    there: Wide,
}

#[test]
fn a_table_may_be_wide() {
    assert_eq!(Widest::table().columns.len(), 201);
    let last = Widest::THERE.column_number_19_4;
    let name = "a_name_that_is_quite_long_column_number_19_4";
    assert_eq!((last.index(), &*last.definition().name), (200, name));
}
