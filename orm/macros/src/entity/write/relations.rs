//! The checks of `back_populates`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Kind, Model, at};
use crate::entity::column;

/// Each check uses the constant of the inverse, with the span of the attribute's value.
pub(super) fn checks(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let checks: Vec<_> = model
        .relations
        .iter()
        .filter_map(|relation| Some((relation, relation.back_populates.as_ref()?)))
        .map(|(relation, field)| {
            let target = relation.target_of(model);
            let constant = column::constant(field);
            let check = match relation.kind {
                // The inverse holds the foreign key, so it is a to-one relation.
                Kind::HasMany | Kind::HasOne => quote! {{
                    const fn to_one<E, To, K: ::selfsame::entity::ToOne>(
                        _: ::selfsame::entity::Relation<E, To, K>,
                    ) {}
                    let inverse: ::selfsame::entity::Relation<#target, #name, _> =
                        <#target>::#constant;
                    to_one(inverse);
                }},
                Kind::BelongsTo => quote! {
                    let _: ::selfsame::entity::Relation<#target, #name, _> = <#target>::#constant;
                },
                // The constant's type is the same for foreign keys and association tables; the field's type is not.
                Kind::ManyToMany => quote! {
                    let _: fn(&#target) -> &::selfsame::entity::ManyToMany<#name> =
                        |other| &other.#field;
                },
            };
            at(field.span(), check)
        })
        .collect();
    if checks.is_empty() {
        return TokenStream::new();
    }
    quote!(const _: () = { #(#checks)* };)
}
