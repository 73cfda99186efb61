//! `impl Entity`: the mapping as constants.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use super::{Column, Kind, Model, Relation, column_value, embedded_value, entity_bound, number};
use crate::entity::{Access, Check, ForeignKey, Index, Writing};
use crate::shape;

pub(super) fn entity(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let text = name.to_string();
    let table = &model.table;
    let group = group(model);
    let key = model.key_columns().map(|(index, _)| model.position(index));
    let check = (!model.flattened.is_empty()).then(|| {
        quote!(
            const _: () = OUTLINE.group.check();
        )
    });
    let deferred = model.columns.iter().enumerate();
    let deferred = deferred
        .filter(|(_, column)| column.is_deferred())
        .map(|(index, _)| model.position(index));
    let relations = model.relations.iter().map(|r| relation(r, model));
    let schema = optional(model.schema.as_deref());
    let kind = match model.writing {
        Writing::View => quote!(View),
        Writing::Allowed | Writing::Refused => quote!(Table),
    };
    let read_only = model.writing != Writing::Allowed;
    let comment = optional(model.comment.as_deref());
    quote! {
        #[automatically_derived]
        impl ::selfsame::entity::Entity for #name {
            fn mapper() -> &'static ::std::sync::Arc<::selfsame::entity::Mapper> {
                use ::selfsame::entity::outline as __outline;
                static OUTLINE: __outline::Outline = __outline::Outline {
                    name: #text,
                    table: #table,
                    schema: #schema,
                    kind: ::selfsame::schema::TableKind::#kind,
                    read_only: #read_only,
                    comment: #comment,
                    group: #group,
                    primary_key: &[#(#key),*],
                    deferred: &[#(#deferred),*],
                    relations: &[#(#relations),*],
                };
                #check
                static MAPPER: ::std::sync::LazyLock<::std::sync::Arc<::selfsame::entity::Mapper>> =
                    ::std::sync::LazyLock::new(|| OUTLINE.mapper());
                &MAPPER
            }
        }
    }
}

/// The columns and their constraints, as a constant.
pub(super) fn group(model: &Model<'_>) -> TokenStream {
    let columns = model.columns.iter().map(column);
    let embedded = model.flattened.iter().map(|flattened| {
        let value = embedded_value(flattened.ty);
        let field = shape::name(flattened.field);
        let prefix = flattened.prefix.as_ref().map(LitStr::value);
        let (prefix, before) = (prefix.unwrap_or_default(), number(flattened.before));
        quote! {
            __outline::EmbeddedOutline {
                field: #field,
                prefix: #prefix,
                before: #before,
                group: &#value::GROUP,
            }
        }
    });
    let version = model
        .columns
        .iter()
        .position(|column| column.version.is_some());
    let version = match version.map(|index| model.position(index)) {
        Some(column) => quote!(::std::option::Option::Some(#column)),
        None => quote!(::std::option::Option::None),
    };
    let validated = model.columns.iter().enumerate();
    let validated = validated
        .filter(|(_, column)| column.validate.is_some())
        .map(|(index, _)| model.position(index));
    let foreign_keys = model.foreign_keys.iter().map(foreign_key);
    let uniques = model.uniques.iter().map(index);
    let indexes = model.indexes.iter().map(index);
    let checks = model.checks.iter().map(check);
    let present = match model.access {
        Access::Field => quote!(Always),
        Access::Binding => quote!(Tagged),
    };
    quote! {{
        use ::selfsame::entity::outline as __outline;
        __outline::Group {
            columns: &[#(#columns),*],
            embedded: &[#(#embedded),*],
            version: #version,
            validated: &[#(#validated),*],
            foreign_keys: &[#(#foreign_keys),*],
            uniques: &[#(#uniques),*],
            indexes: &[#(#indexes),*],
            checks: &[#(#checks),*],
            present: __outline::PresentWhen::#present,
            ..__outline::Group::EMPTY
        }
    }}
}

fn index(index: &Index) -> TokenStream {
    let (name, columns) = (optional(index.name.as_deref()), list(&index.columns));
    let deferrable = index.deferrable.code();
    quote!(__outline::IndexOutline { name: #name, columns: #columns, deferrable: #deferrable })
}

fn check(check: &Check) -> TokenStream {
    let (name, condition) = (optional(check.name.as_deref()), &check.condition);
    quote!(__outline::CheckOutline { name: #name, condition: #condition })
}

fn optional(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(::std::option::Option::Some(#text)),
        None => quote!(::std::option::Option::None),
    }
}

fn list(names: &[String]) -> TokenStream {
    quote!(&[#(#names),*])
}

fn column(column: &Column<'_>) -> TokenStream {
    let name = &column.name;
    let value = column_value(column.ty);
    let ty = match (&column.length, &column.precision) {
        _ if column.db_type.is_some() => {
            let name = &column.db_type;
            quote!(|| ::selfsame::schema::ColumnType::named(#name, #value::column_type()))
        }
        (Some(length), _) => quote! {
            || ::selfsame::schema::ColumnType::Text {
                length: ::std::option::Option::Some(#length),
            }
        },
        (None, Some((precision, scale))) => quote! {
            || ::selfsame::schema::ColumnType::Decimal {
                precision: ::std::option::Option::Some((#precision, #scale)),
            }
        },
        (None, None) => quote!(#value::column_type),
    };
    let generated = match (&column.server_default, &column.computed) {
        (Some(default), _) => quote!(__outline::GeneratedOutline::Default(#default)),
        (None, Some(expression)) => quote!(__outline::GeneratedOutline::Computed(#expression)),
        _ if column.is_generated_key() && column.autoincrement.is_some() => {
            quote!(__outline::GeneratedOutline::KeyNeverReused)
        }
        _ if column.is_generated_key() => quote!(__outline::GeneratedOutline::Key),
        _ => quote!(__outline::GeneratedOutline::No),
    };
    let comment = optional(column.comment.as_deref());
    quote! {
        __outline::ColumnOutline {
            name: #name,
            ty: #ty,
            nullable: #value::NULLABLE,
            generated: #generated,
            comment: #comment,
        }
    }
}

fn foreign_key(key: &ForeignKey) -> TokenStream {
    let (name, columns) = (optional(key.name.as_deref()), list(&key.columns));
    let table = &key.references.table;
    let references = list(&key.references.columns);
    let on_delete = key.references.on_delete.code();
    let on_update = key.references.on_update.code();
    quote! {
        __outline::ForeignKeyOutline {
            name: #name,
            columns: #columns,
            table: #table,
            references: #references,
            on_delete: #on_delete,
            on_update: #on_update,
        }
    }
}

fn relation(relation: &Relation<'_>, model: &Model<'_>) -> TokenStream {
    let target = relation.target_of(model);
    let bound = entity_bound(relation, model);
    let name = relation.name();
    let target_name = target.to_string().replace(' ', "");
    let kind = match relation.kind {
        Kind::BelongsTo => quote!(BelongsTo),
        Kind::HasMany => quote!(HasMany),
        Kind::HasOne => quote!(HasOne),
        Kind::ManyToMany => quote!(ManyToMany),
    };
    let secondary = match &relation.secondary {
        Some(secondary) => {
            let (table, columns) = (&secondary.table, list(&secondary.columns));
            quote! {
                ::std::option::Option::Some(::selfsame::entity::outline::SecondaryOutline {
                    table: #table,
                    columns: #columns,
                })
            }
        }
        None => quote!(::std::option::Option::None),
    };
    let key = list(&relation.key);
    let order_by = list(&relation.order_by);
    let back_populates = match &relation.back_populates {
        Some(field) => {
            let field = shape::name(field);
            quote!(::std::option::Option::Some(#field))
        }
        None => quote!(::std::option::Option::None),
    };
    let cascade = match &relation.cascade {
        Some(words) => quote!(::std::option::Option::Some(#words)),
        None => quote!(::std::option::Option::None),
    };
    let fetch = match &relation.lazy {
        Some(variant) => quote!(#variant),
        None => quote!(Lazy),
    };
    let passive_deletes = relation.passive_deletes;
    quote! {
        __outline::RelationOutline {
            to: { #bound ::selfsame::entity::RelationDescriptor::to::<#target> },
            kind: ::selfsame::entity::RelationKind::#kind,
            name: #name,
            target: #target_name,
            key: #key,
            secondary: #secondary,
            back_populates: #back_populates,
            cascade: #cascade,
            fetch: ::selfsame::entity::Fetch::#fetch,
            order_by: #order_by,
            passive_deletes: #passive_deletes,
        }
    }
}
