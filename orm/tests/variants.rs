//! The output of the derive for embedded enums: a tag, and the columns of each variant.

use selfsame::backend::Row;
use selfsame::entity::Mapped;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Auto, Decimal, ValueRef, ValueType};
use selfsame::{Embedded, Entity, ErrorKind};

#[derive(Embedded, Clone, Debug, PartialEq)]
#[orm(tag = "type", index)]
enum Vehicle {
    Car {
        doors: i32,
        #[orm(length = 20, validate = no_gray)]
        color: Option<String>,
        #[orm(flatten, prefix = "engine_")]
        engine: Engine,
    },
    #[orm(label = "lorry", prefix = "truck_")]
    Truck(Truck),
    Bicycle,
    #[orm(prefix = "move_")]
    Move {
        r#type: i16,
    },
}

/// Fields with the same names as variables in generated code.
#[derive(Embedded, Clone, Debug)]
enum Named {
    A {
        value: i32,
        first: i32,
        each: i32,
        column: i32,
        #[orm(validate = all)]
        place: i32,
        row: i32,
        at: i32,
        columns: i32,
        mapper: i32,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the derive gives a reference"
)]
fn all(_: &i32) -> Result<(), &'static str> {
    Ok(())
}

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Engine {
    power: f64,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
#[orm(check = "load > 0")]
struct Truck {
    load: Decimal,
    axles: i32,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "vehicles")]
struct Parked {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    vehicle: Vehicle,
    place: i32,
    #[orm(flatten, prefix = "towed_")]
    towed: Option<Vehicle>,
}

fn no_gray(color: &str) -> Result<(), &'static str> {
    (color != "gray").then_some(()).ok_or("too many are gray")
}

fn car() -> Vehicle {
    Vehicle::Car {
        doors: 4,
        color: Some("red".to_owned()),
        engine: Engine::new(1.5),
    }
}

fn truck() -> Vehicle {
    Vehicle::Truck(Truck::new(Decimal::new(25, 1), 3))
}

/// The columns of a vehicle.
fn columns(vehicle: Option<&Vehicle>) -> Vec<ValueRef<'static>> {
    let mut row = vec![ValueRef::Null; 7];
    match vehicle {
        Some(Vehicle::Car { .. }) => {
            row[0] = ValueRef::Text("car");
            row[1] = ValueRef::I32(4);
            row[2] = ValueRef::Text("red");
            row[3] = ValueRef::F64(1.5);
        }
        Some(Vehicle::Truck(_)) => {
            row[0] = ValueRef::Text("lorry");
            row[4] = ValueRef::Decimal(Decimal::new(25, 1));
            row[5] = ValueRef::I32(3);
        }
        Some(Vehicle::Bicycle) => row[0] = ValueRef::Text("bicycle"),
        Some(Vehicle::Move { .. }) => {
            row[0] = ValueRef::Text("move");
            row[6] = ValueRef::I16(9);
        }
        None => {}
    }
    row
}

fn row(vehicle: &Vehicle, towed: Option<&Vehicle>) -> Vec<ValueRef<'static>> {
    let mut row = vec![ValueRef::I64(5)];
    row.extend(columns(Some(vehicle)));
    row.push(ValueRef::I32(7));
    row.extend(columns(towed));
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
fn the_variants_share_the_table() {
    let vehicle = |table: Table, prefix: &str| {
        let name = |name: &str| format!("{prefix}{name}");
        let length = Some(20);
        let precision = None;
        let tag = ColumnType::Enum {
            name: "VehicleTag",
            labels: &["car", "lorry", "bicycle", "move"],
        };
        let mut tag = Column::new(name("type"), tag);
        tag.nullable = !prefix.is_empty();
        table
            .column(tag)
            .column(Column::new(name("doors"), ColumnType::I32).nullable())
            .column(Column::new(name("color"), ColumnType::Text { length }).nullable())
            .column(Column::new(name("engine_power"), ColumnType::F64).nullable())
            .column(Column::new(name("truck_load"), ColumnType::Decimal { precision }).nullable())
            .column(Column::new(name("truck_axles"), ColumnType::I32).nullable())
            .column(Column::new(name("move_type"), ColumnType::I16).nullable())
    };
    let table = Table::build("vehicles")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key));
    let table = vehicle(table, "").column(Column::new("place", ColumnType::I32));
    let wanted = vehicle(table, "towed_")
        .primary_key(["id"])
        .index(["type"])
        .index(["towed_type"])
        .check("truck_load > 0")
        .check("towed_truck_load > 0");
    assert_eq!(**Parked::table(), wanted);
}

#[test]
fn constants_name_the_columns_of_each_variant() {
    use selfsame::sql::Column;
    let tag: Column<Parked, VehicleTag> = Parked::VEHICLE.tag;
    let doors: Column<Parked, Option<i32>> = Parked::VEHICLE.car.doors;
    let power: Column<Parked, Option<f64>> = Parked::VEHICLE.car.engine.power;
    let load: Column<Parked, Option<Decimal>> = Parked::VEHICLE.truck.load;
    let kind: Column<Parked, Option<i16>> = Parked::VEHICLE.r#move.r#type;
    let towed: Column<Parked, Option<VehicleTag>> = Parked::TOWED.tag;
    let axles: Column<Parked, Option<i32>> = Parked::TOWED.truck.axles;
    let positions = [
        tag.index(),
        doors.index(),
        power.index(),
        load.index(),
        kind.index(),
        Parked::PLACE.index(),
        towed.index(),
        axles.index(),
    ];
    assert_eq!(positions, [1, 2, 4, 5, 7, 8, 9, 14]);
    assert_eq!(
        (truck().tag(), truck().tag().label()),
        (VehicleTag::Truck, "lorry")
    );
}

#[test]
fn each_variant_is_read_and_written() -> selfsame::Result<()> {
    let mapper = Parked::mapper();
    let variants = [
        car(),
        truck(),
        Vehicle::Bicycle,
        Vehicle::Move { r#type: 9 },
    ];
    for vehicle in &variants {
        for towed in [Some(&variants[0]), Some(vehicle), None] {
            let row = row(vehicle, towed);
            let parked = Parked::hydrate(mapper, &Values(&row), 0)?;
            assert_eq!(
                (&parked.vehicle, parked.towed.as_ref(), parked.place),
                (vehicle, towed, 7)
            );
            let mut each = Vec::new();
            parked.each_value(mapper, |column, value| {
                assert_eq!(value.value(), Some(row[column]), "{column}");
                assert_eq!(parked.value(mapper, column).value(), Some(row[column]));
                each.push(column);
            });
            assert_eq!(each, (0..row.len()).collect::<Vec<_>>());
            let mut same = parked.clone();
            for (column, &value) in row.iter().enumerate() {
                assert!(!parked.is_unset(mapper, column));
                same.assign(mapper, column, value)?;
            }
            assert_eq!((same.vehicle, same.towed), (parked.vehicle, parked.towed));
        }
    }
    Ok(())
}

#[test]
fn a_variant_changes_with_its_columns() -> selfsame::Result<()> {
    let mapper = Parked::mapper();
    let mut parked = Parked::new(car(), 7);
    let to = row(&truck(), Some(&car()));
    for (column, value) in [(1, "lorry"), (1, "boat"), (9, "car")] {
        let error = parked.assign(mapper, column, ValueRef::Text(value));
        let error = error.expect_err("the tag alone");
        let name = Some(Parked::table().columns[column].name.as_str());
        assert_eq!(
            (error.kind(), error.column_name()),
            (ErrorKind::Conversion, name)
        );
        assert!(!error.to_string().contains("boat"), "{error}");
    }
    let error = parked.assign(mapper, 6, ValueRef::I32(3));
    assert_eq!(
        error.expect_err("it is not a truck").column_name(),
        Some("truck_axles")
    );

    let all: Vec<usize> = (0..to.len()).collect();
    parked.assign_many(mapper, &all, &Values(&to))?;
    assert_eq!((&parked.vehicle, &parked.towed), (&truck(), &Some(car())));
    let mut other = to.clone();
    other[6] = ValueRef::I32(4);
    parked.assign_many(mapper, &[6], &Values(&other))?;
    assert_eq!(
        parked.vehicle,
        Vehicle::Truck(Truck::new(Decimal::new(25, 1), 4))
    );
    parked.assign_many(mapper, &all, &Values(&row(&Vehicle::Bicycle, None)))?;
    assert_eq!((parked.vehicle, parked.towed), (Vehicle::Bicycle, None));
    Ok(())
}

#[test]
fn an_unknown_variant_names_its_column() {
    let mapper = Parked::mapper();
    let check = |column: usize, value: ValueRef<'static>, towed: Option<&Vehicle>| {
        let mut row = row(&car(), towed);
        row[column] = value;
        let error = Parked::hydrate(mapper, &Values(&row), 0).expect_err("no variant");
        let name = Parked::table().columns[column].name.as_str();
        assert_eq!(
            (error.kind(), error.column_name()),
            (ErrorKind::Conversion, Some(name))
        );
        assert_eq!(error.entity_name(), Some("Parked"));
        assert!(!error.to_string().contains("boat"), "{error}");
    };
    check(1, ValueRef::Text("boat"), None);
    check(1, ValueRef::Null, None);
    check(2, ValueRef::Null, None);
    check(9, ValueRef::Text("boat"), Some(&car()));
    check(9, ValueRef::Null, Some(&truck()));
}

#[test]
fn the_validation_functions_of_a_variant_are_called() {
    let mapper = Parked::mapper();
    let gray = Vehicle::Car {
        doors: 4,
        color: Some("gray".to_owned()),
        engine: Engine::new(1.5),
    };
    let parked = Parked {
        towed: Some(gray),
        ..Parked::new(car(), 7)
    };
    assert!(parked.validate(mapper, 3).is_ok());
    let error = parked.validate(mapper, 11).expect_err("a gray car");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Validation, Some("towed_color"))
    );
    assert!(Parked::new(truck(), 7).validate(mapper, 3).is_ok());
}
