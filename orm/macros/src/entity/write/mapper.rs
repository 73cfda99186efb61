//! `impl Entity`: the mapping as data.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Column, Kind, Model, Relation, column_value, entity_bound, number};
use crate::entity::ForeignKey;
use crate::shape;

pub(super) fn entity(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let text = name.to_string();
    let table = &model.table;
    let columns = model.columns.iter().map(column);
    let key = model.key_columns().map(|(index, _)| number(index));
    let constraints = constraints(model);
    let relations = model.relations.iter().map(|r| relation(r, model));
    let bounds = model.relations.iter().map(|r| entity_bound(r, model));
    quote! {
        #[automatically_derived]
        impl ::selfsame::entity::Entity for #name {
            fn mapper() -> &'static ::std::sync::Arc<::selfsame::entity::Mapper> {
                use ::selfsame::schema::{Column, ColumnType, Generated};
                fn column(name: &str, ty: ColumnType, nullable: bool, generated: Generated) -> Column {
                    let column = Column::new(name, ty).generated(generated);
                    if nullable { column.nullable() } else { column }
                }
                static MAPPER: ::std::sync::LazyLock<::std::sync::Arc<::selfsame::entity::Mapper>> =
                    ::std::sync::LazyLock::new(|| {
                        #(#bounds)*
                        let mut table = ::selfsame::schema::Table::build(#table) #constraints;
                        table.columns = ::std::vec![#(#columns),*];
                        table.primary_key = ::std::vec![#(#key),*];
                        ::std::sync::Arc::new(
                            ::selfsame::entity::Mapper::new(#text, table) #(.relation(#relations))*
                        )
                    });
                &MAPPER
            }
        }
    }
}

fn column(column: &Column<'_>) -> TokenStream {
    let name = &column.name;
    let value = column_value(column.ty);
    let ty = match (&column.length, &column.precision) {
        (Some(length), _) => quote! {
            ColumnType::Text { length: ::std::option::Option::Some(#length) }
        },
        (None, Some((precision, scale))) => quote! {
            ColumnType::Decimal { precision: ::std::option::Option::Some((#precision, #scale)) }
        },
        (None, None) => quote!(#value::column_type()),
    };
    let generated = match &column.server_default {
        Some(default) => quote!(Generated::Default(#default.to_owned())),
        None if column.is_counted() && column.autoincrement.is_some() => {
            quote!(Generated::KeyNeverReused)
        }
        None if column.is_counted() => quote!(Generated::Key),
        None => quote!(Generated::No),
    };
    quote!(column(#name, #ty, #value::NULLABLE, #generated))
}

fn constraints(model: &Model<'_>) -> TokenStream {
    let foreign_keys = model.foreign_keys.iter().map(foreign_key);
    let uniques = model
        .uniques
        .iter()
        .map(|names| quote!(.unique([#(#names),*])));
    let indexes = model
        .indexes
        .iter()
        .map(|names| quote!(.index([#(#names),*])));
    let checks = model
        .checks
        .iter()
        .map(|condition| quote!(.check(#condition)));
    quote!(#(#foreign_keys)* #(#uniques)* #(#indexes)* #(#checks)*)
}

fn foreign_key(key: &ForeignKey) -> TokenStream {
    let columns = &key.columns;
    let table = &key.references.table;
    let references = &key.references.columns;
    if key.references.does_nothing() {
        return quote!(.foreign_key([#(#columns),*], #table, [#(#references),*]));
    }
    let on_delete = key.references.on_delete.code();
    let on_update = key.references.on_update.code();
    quote! {
        .constraint(::selfsame::schema::ForeignKey {
            name: ::std::option::Option::None,
            columns: ::std::vec![#(#columns.to_owned()),*],
            table: #table.to_owned(),
            references: ::std::vec![#(#references.to_owned()),*],
            on_delete: #on_delete,
            on_update: #on_update,
        })
    }
}

fn relation(relation: &Relation<'_>, model: &Model<'_>) -> TokenStream {
    let target = relation.target_of(model);
    let name = relation.name();
    let target_name = target.to_string().replace(' ', "");
    let kind = match relation.kind {
        Kind::BelongsTo => quote!(BelongsTo),
        Kind::HasMany => quote!(HasMany),
        Kind::HasOne => quote!(HasOne),
    };
    let key = list(&relation.key, &quote!(key));
    let order_by = list(&relation.order_by, &quote!(order_by));
    let back_populates = relation.back_populates.as_ref().map(|field| {
        let field = shape::name(field);
        quote!(.back_populates(#field))
    });
    let cascade = relation.cascade.map(|cascade| {
        let (delete, delete_orphan) = (cascade.delete, cascade.delete_orphan);
        quote! {
            .cascade({
                let mut cascade = ::selfsame::entity::Cascade::default();
                cascade.delete = #delete;
                cascade.delete_orphan = #delete_orphan;
                cascade
            })
        }
    });
    let fetch = relation
        .lazy
        .as_ref()
        .map(|variant| quote!(.fetch(::selfsame::entity::Fetch::#variant)));
    quote! {
        ::selfsame::entity::RelationDescriptor::to::<#target>(
            ::selfsame::entity::RelationKind::#kind,
            #name,
            #target_name,
        ) #key #back_populates #cascade #fetch #order_by
    }
}

/// `.method([…])`, or nothing for an empty list.
fn list(names: &[String], method: &TokenStream) -> TokenStream {
    if names.is_empty() {
        return TokenStream::new();
    }
    quote!(.#method([#(#names),*]))
}
