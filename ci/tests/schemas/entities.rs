//! Every entity of these files that has a key and can be written, listed by `SELFSAME_BLESS=1`.

use crate::cycle::{Objects, of};

pub(crate) fn files() -> Vec<Box<dyn Objects>> {
    use crate::files as m;
    vec![
        of::<m::AspNetUserLogin>(),
        of::<m::AspNetUser>(),
        of::<m::Customer>(),
        of::<m::OrderDetail>(),
        of::<m::Order>(),
        of::<m::EfMigrationsHistory>(),
        of::<m::Account>(),
        of::<m::AlembicVersion>(),
        of::<m::ArInternalMetadata>(),
        of::<m::Article>(),
        of::<m::AuthGroup>(),
        of::<m::AuthUser>(),
        of::<m::AuthUserGroup>(),
        of::<m::Author>(),
        of::<m::Cookie>(),
        of::<m::Meta>(),
        of::<m::MozHistoryvisit>(),
        of::<m::MozIcon>(),
        of::<m::MozIconsToPage>(),
        of::<m::MozOrigin>(),
        of::<m::MozPagesWIcon>(),
        of::<m::MozPlace>(),
        of::<m::SchemaMigration>(),
        of::<m::Url>(),
        of::<m::Visit>(),
    ]
}

pub(crate) fn hostile_postgres() -> Vec<Box<dyn Objects>> {
    use crate::hostile_postgres as m;
    vec![
        of::<m::Alarm>(),
        of::<m::Base>(),
        of::<m::ByFive>(),
        of::<m::Café>(),
        of::<m::Carried>(),
        of::<m::Deep>(),
        of::<m::DownA>(),
        of::<m::DownB>(),
        of::<m::Fast>(),
        of::<m::Here>(),
        of::<m::Measure>(),
        of::<m::NullsOnce>(),
        of::<m::Numbered>(),
        of::<m::OnlyComputed>(),
        of::<m::Priced>(),
        of::<m::PricesOf>(),
        of::<m::Renumbered>(),
        of::<m::Ruled>(),
        of::<m::Secured>(),
        of::<m::SelfRow>(),
        of::<m::Swapped>(),
        of::<m::Swap>(),
        of::<m::Timed>(),
        of::<m::Wide>(),
        of::<m::ÜnïQ>(),
    ]
}

pub(crate) fn hostile_sqlite() -> Vec<Box<dyn Objects>> {
    use crate::hostile_sqlite as m;
    vec![
        of::<m::Bumped>(),
        of::<m::Café>(),
        of::<m::CaseName>(),
        of::<m::Default>(),
        of::<m::Geo>(),
        of::<m::GivesWay>(),
        of::<m::KeyWithComputed>(),
        of::<m::LoooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooongTable>(),
        of::<m::Misfit>(),
        of::<m::ODdNameDot>(),
        of::<m::OnlyMade>(),
        of::<m::RefsCase>(),
        of::<m::SelfRow>(),
        of::<m::StrictKind>(),
        of::<m::Swapped>(),
        of::<m::Swap>(),
        of::<m::TextKey>(),
        of::<m::Tree>(),
        of::<m::TwoBack>(),
        of::<m::TwoWay>(),
        of::<m::Typeless>(),
        of::<m::Unfit>(),
        of::<m::Wide>(),
    ]
}

pub(crate) fn mariadb() -> Vec<Box<dyn Objects>> {
    use crate::mariadb as m;
    vec![
        of::<m::Award>(),
        of::<m::Member>(),
        of::<m::Owner>(),
        of::<m::Pet>(),
        of::<m::Team>(),
        of::<m::Ticket>(),
        of::<m::Token>(),
    ]
}

pub(crate) fn more() -> Vec<Box<dyn Objects>> {
    use crate::more as m;
    vec![
        of::<m::BitKey>(),
        of::<m::DirectionKey>(),
        of::<m::FoldedChildren>(),
        of::<m::FoldedKey>(),
        of::<m::Kind>(),
        of::<m::MoneyKey>(),
        of::<m::OidKey>(),
        of::<m::Pair>(),
        of::<m::People>(),
        of::<m::RangeKey>(),
        of::<m::SmallKey>(),
    ]
}

pub(crate) fn postgres() -> Vec<Box<dyn Objects>> {
    use crate::postgres as m;
    vec![
        of::<m::Acct>(),
        of::<m::Child>(),
        of::<m::Crate>(),
        of::<m::Cur>(),
        of::<m::EmbeddedRow>(),
        of::<m::Event>(),
        of::<m::Fallback>(),
        of::<m::Feeling>(),
        of::<m::Fell>(),
        of::<m::Felt>(),
        of::<m::HookRow>(),
        of::<m::Host>(),
        of::<m::Job>(),
        of::<m::Keyless>(),
        of::<m::KeylessNote>(),
        of::<m::Lent>(),
        of::<m::Narrow>(),
        of::<m::Noted>(),
        of::<m::OddValue>(),
        of::<m::Owned>(),
        of::<m::Owner>(),
        of::<m::Ping>(),
        of::<m::Rate>(),
        of::<m::Refer>(),
        of::<m::Reversed>(),
        of::<m::Slot>(),
        of::<m::Tenant>(),
        of::<m::Thing>(),
        of::<m::Type>(),
        of::<m::Version>(),
        of::<m::Wide>(),
    ]
}

pub(crate) fn rules_mariadb() -> Vec<Box<dyn Objects>> {
    use crate::rules_mariadb as m;
    vec![
        of::<m::ByCode>(),
        of::<m::ByLevel>(),
        of::<m::Cascade>(),
        of::<m::CascadesOn>(),
        of::<m::History>(),
        of::<m::InRound>(),
        of::<m::LetGo>(),
        of::<m::Line>(),
        of::<m::Node>(),
        of::<m::OfLevel>(),
        of::<m::Parent>(),
        of::<m::Required>(),
        of::<m::SetNull>(),
        of::<m::Tagged>(),
        of::<m::Tag>(),
        of::<m::Tree>(),
        of::<m::Watched>(),
    ]
}

pub(crate) fn rules_postgres() -> Vec<Box<dyn Objects>> {
    use crate::rules_postgres as m;
    vec![
        of::<m::AlsoInRound>(),
        of::<m::ByArray>(),
        of::<m::ByCode>(),
        of::<m::ByLevel>(),
        of::<m::Cascade>(),
        of::<m::CascadesOn>(),
        of::<m::Egg>(),
        of::<m::HalfNull>(),
        of::<m::HalfRequired>(),
        of::<m::Hen>(),
        of::<m::History>(),
        of::<m::InRound>(),
        of::<m::Kept>(),
        of::<m::LetGo>(),
        of::<m::LineNote>(),
        of::<m::Line>(),
        of::<m::MatchFull>(),
        of::<m::MatchSimple>(),
        of::<m::Node>(),
        of::<m::OfArray>(),
        of::<m::OfLevel>(),
        of::<m::Parent>(),
        of::<m::Place>(),
        of::<m::Required>(),
        of::<m::Restricted>(),
        of::<m::SetDefault>(),
        of::<m::SetNull>(),
        of::<m::SharesKey>(),
        of::<m::Tagged>(),
        of::<m::Tag>(),
        of::<m::Unique>(),
        of::<m::Watched>(),
    ]
}

pub(crate) fn rules_sqlite() -> Vec<Box<dyn Objects>> {
    use crate::rules_sqlite as m;
    vec![
        of::<m::ByCode>(),
        of::<m::Cascade>(),
        of::<m::CascadesOn>(),
        of::<m::Egg>(),
        of::<m::HalfRequired>(),
        of::<m::Hen>(),
        of::<m::History>(),
        of::<m::Kept>(),
        of::<m::LetGo>(),
        of::<m::LineNote>(),
        of::<m::Line>(),
        of::<m::MatchFull>(),
        of::<m::Node>(),
        of::<m::Parent>(),
        of::<m::Place>(),
        of::<m::Required>(),
        of::<m::Restricted>(),
        of::<m::SetDefault>(),
        of::<m::SetNull>(),
        of::<m::SharesKey>(),
        of::<m::Tagged>(),
        of::<m::Tag>(),
        of::<m::Tree>(),
        of::<m::Unique>(),
        of::<m::Watched>(),
    ]
}

pub(crate) fn sqlite() -> Vec<Box<dyn Objects>> {
    use crate::sqlite as m;
    vec![
        of::<m::Children>(),
        of::<m::Crate>(),
        of::<m::DateRow>(),
        of::<m::EmbeddedRow>(),
        of::<m::Loose>(),
        of::<m::Parent>(),
        of::<m::Quoted>(),
        of::<m::Reversed>(),
        of::<m::Strict>(),
        of::<m::Thing>(),
        of::<m::Type>(),
        of::<m::Version>(),
    ]
}

pub(crate) fn world_postgres() -> Vec<Box<dyn Objects>> {
    use crate::world_postgres as m;
    vec![
        of::<m::Table1stTable>(),
        of::<m::Größe>(),
        of::<m::OptionRow>(),
        of::<m::Status>(),
        of::<m::TimestampRow>(),
        of::<m::User>(),
        of::<m::VecRow>(),
        of::<m::UserFollow>(),
        of::<m::Actor>(),
        of::<m::Businessentity>(),
        of::<m::DateRow>(),
        of::<m::DjangoLog>(),
        of::<m::DjangoUser>(),
        of::<m::Employee>(),
        of::<m::Film>(),
        of::<m::FilmActor>(),
        of::<m::Größen>(),
        of::<m::HibernatePerson>(),
        of::<m::HibernatePersonPhone>(),
        of::<m::Language>(),
        of::<m::MdlSelf>(),
        of::<m::MdlUser>(),
        of::<m::Payment>(),
        of::<m::Person>(),
        of::<m::Post>(),
        of::<m::ResPartner>(),
        of::<m::ResPartnerCategory>(),
        of::<m::ResPartnerResPartnerCategoryRel>(),
        of::<m::ResUser>(),
        of::<m::Salesorderdetail>(),
        of::<m::Territory>(),
        of::<m::Topic>(),
    ]
}

pub(crate) fn world_sqlite() -> Vec<Box<dyn Objects>> {
    use crate::world_sqlite as m;
    vec![
        of::<m::Table1stTable>(),
        of::<m::AspNetRole>(),
        of::<m::AspNetUserLogin>(),
        of::<m::AspNetUserRole>(),
        of::<m::AspNetUser>(),
        of::<m::AutoRow>(),
        of::<m::Größe>(),
        of::<m::OptionRow>(),
        of::<m::Post>(),
        of::<m::ResultRow>(),
        of::<m::SessionRow>(),
        of::<m::StringRow>(),
        of::<m::Tag>(),
        of::<m::TimestampRow>(),
        of::<m::User>(),
        of::<m::VecRow>(),
        of::<m::PostToTag>(),
        of::<m::EfMigrationsHistory>(),
        of::<m::PrismaMigration>(),
        of::<m::Account>(),
        of::<m::ActiveStorageAttachment>(),
        of::<m::ActiveStorageBlob>(),
        of::<m::ArInternalMetadata>(),
        of::<m::AuthGroup>(),
        of::<m::AuthGroupPermission>(),
        of::<m::AuthPermission>(),
        of::<m::Comment>(),
        of::<m::DateRow>(),
        of::<m::DjangoContentType>(),
        of::<m::DjangoSession>(),
        of::<m::EmployeeTerritory>(),
        of::<m::Employee>(),
        of::<m::Friendship>(),
        of::<m::Größen>(),
        of::<m::MdlCourse>(),
        of::<m::MdlEnrol>(),
        of::<m::SchemaMigration>(),
        of::<m::Select>(),
        of::<m::ShopProduct>(),
        of::<m::Territory>(),
        of::<m::WpOption>(),
        of::<m::WpPostmeta>(),
        of::<m::WpPost>(),
        of::<m::WpUser>(),
    ]
}
