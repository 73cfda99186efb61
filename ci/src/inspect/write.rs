//! Writes the text of a module.

use super::model::{Entity, Enumeration, Field, Module};

/// The maximum width of an attribute's arguments on one line.
const WIDTH: usize = 70;

/// Returns the module as formatted Rust code.
pub(super) fn module(database: &str, module: &Module) -> String {
    let mut out = String::new();
    head(&mut out, database, module);
    for enumeration in &module.enums {
        out.push('\n');
        write_enum(&mut out, enumeration);
    }
    for entity in &module.entities {
        out.push('\n');
        write_entity(&mut out, entity);
    }
    out
}

fn write_enum(out: &mut String, enumeration: &Enumeration) {
    line(
        out,
        "#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]",
    );
    line(out, &format!("#[orm(db_type = {:?})]", enumeration.db_type));
    line(out, &format!("pub enum {} {{", enumeration.name));
    for (variant, label) in &enumeration.variants {
        line(out, &format!("    #[orm(label = {label:?})]"));
        line(out, &format!("    {variant},"));
    }
    line(out, "}");
}

fn head(out: &mut String, database: &str, module: &Module) {
    line(
        out,
        &format!("//! Entities of a database ({database}), written by `selfsame inspect`."),
    );
    line(out, "//!");
    line(
        out,
        "//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.",
    );
    for sentence in &module.left_out {
        line(out, "//!");
        line(out, &format!("//! {}", one_line(sentence)));
    }
    out.push('\n');
    line(out, "use selfsame::prelude::*;");
    let imports: Vec<&str> = module.imports.iter().copied().collect();
    match &imports[..] {
        [] => {}
        [only] => line(out, &format!("use selfsame::value::{only};")),
        several => line(
            out,
            &format!("use selfsame::value::{{{}}};", several.join(", ")),
        ),
    }
    out.push('\n');
    line(out, "/// Every table that has an entity.");
    line(out, "pub fn metadata() -> Metadata {");
    line(out, "    metadata![");
    for entity in &module.entities {
        line(out, &format!("        {},", entity.name));
    }
    line(out, "    ]");
    line(out, "}");
}

fn write_entity(out: &mut String, entity: &Entity) {
    comments(out, "", &entity.comments);
    docs(out, "", &entity.docs);
    line(out, "#[derive(Entity, Clone, Debug)]");
    for item in &entity.attributes {
        attribute(out, "", std::slice::from_ref(item));
    }
    line(out, &format!("pub struct {} {{", entity.name));
    for field in &entity.fields {
        write_field(out, field);
    }
    line(out, "}");
}

fn write_field(out: &mut String, field: &Field) {
    comments(out, "    ", &field.comments);
    docs(out, "    ", &field.docs);
    if !field.attributes.is_empty() {
        attribute(out, "    ", &field.attributes);
    }
    line(out, &format!("    pub {}: {},", field.name, field.ty));
}

fn attribute(out: &mut String, indent: &str, items: &[String]) {
    let joined = items.join(", ");
    if joined.chars().count() <= WIDTH {
        return line(out, &format!("{indent}#[orm({joined})]"));
    }
    line(out, &format!("{indent}#[orm("));
    for (i, item) in items.iter().enumerate() {
        let comma = if i + 1 < items.len() { "," } else { "" };
        line(out, &format!("{indent}    {item}{comma}"));
    }
    line(out, &format!("{indent})]"));
}

fn comments(out: &mut String, indent: &str, sentences: &[String]) {
    for sentence in sentences {
        line(out, &format!("{indent}// {}", one_line(sentence)));
    }
}

fn docs(out: &mut String, indent: &str, lines: &[String]) {
    for text in lines {
        line(out, format!("{indent}/// {text}").trim_end());
    }
}

/// Removes line breaks: names in the database may contain them, and they would end a comment.
fn one_line(sentence: &str) -> String {
    sentence
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
