//! Entities of a database (postgres), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Alarm,
        Base,
        ByFive,
        Café,
        Carried,
        ComputedKey,
        Deep,
        Derived,
        DownA,
        DownB,
        Fast,
        Here,
        Measure,
        Named,
        NullsOnce,
        Numbered,
        OnlyComputed,
        Priced,
        PricesOf,
        Renumbered,
        Ruled,
        Secured,
        SelfRow,
        Summed,
        Swapped,
        Swap,
        Timed,
        Wide,
        ÜnïQ,
    ]
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "\"side.By\".\"Kind of\"")]
pub enum KindOf {
    #[orm(label = "a")]
    A,
    #[orm(label = "B b")]
    BB,
    #[orm(label = "")]
    Blank,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "alarms")]
#[orm(
    foreign_key(columns(sensor, at), references = "measures(sensor, at)", on_delete = "cascade")
)]
pub struct Alarm {
    #[orm(primary_key)]
    pub id: i32,
    pub sensor: i32,
    pub at: Date,
    #[orm(back_populates = alarms)]
    pub measure: BelongsTo<Measure>,
}

// Other tables inherit from it: their rows are read with its own, and may have the same keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "base")]
pub struct Base {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "by_fives")]
pub struct ByFive {
    // Its sequence is START 10 INCREMENT 5.
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "café")]
pub struct Café {
    #[orm(primary_key)]
    pub é: i32,
    #[orm(column = "e\u{301}")]
    pub e: Option<i32>,
}

// Only partly here: CREATE UNIQUE INDEX carried_a_b_key ON carried USING btree (a) INCLUDE (b).
// Only partly here: the constraint carried_pkey, PRIMARY KEY (id) INCLUDE (b).
#[derive(Entity, Clone, Debug)]
#[orm(table = "carried")]
pub struct Carried {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(unique = "carried_a_b_key")]
    pub a: Option<i32>,
    pub b: Option<String>,
}

// Not here: its primary key (sum), for a key cannot be computed.
#[derive(Entity, Clone, Debug)]
#[orm(table = "computed_key")]
#[orm(read_only)]
pub struct ComputedKey {
    pub a: Option<i32>,
    pub b: Option<i32>,
    #[orm(computed = "(a + b)")]
    pub sum: Auto<i32>,
    pub note: Option<String>,
}

// Only partly here: the constraint deep_one_fkey, FOREIGN KEY (one) REFERENCES deep(id) DEFERRABLE.
// No relation follows the foreign key (two): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "deep")]
pub struct Deep {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(unique, references = "deep.id")]
    pub one: Option<i32>,
    #[orm(references = "deep.one", on_delete = "set null", on_update = "cascade")]
    pub two: Option<i32>,
    #[orm(back_populates = deep_by_one, key = "one")]
    pub one_row: BelongsTo<Deep>,
    #[orm(back_populates = one_row)]
    pub deep_by_one: HasOne<Deep>,
}

// It inherits from another table.
#[derive(Entity, Clone, Debug)]
#[orm(table = "derived")]
#[orm(read_only)]
pub struct Derived {
    pub id: i64,
    pub name: Option<String>,
    pub extra: Option<i32>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "down_a")]
pub struct DownA {
    // Its numbers are those of a shared sequence: nextval('shared_numbers'::regclass).
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub name: Option<String>,
    #[orm(back_populates = down_a)]
    pub down_bs: HasMany<DownB>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "down_b")]
pub struct DownB {
    // Its numbers are those of a shared sequence: nextval('shared_numbers'::regclass).
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "down_a.id")]
    pub a: Option<i32>,
    #[orm(back_populates = down_bs)]
    pub down_a: BelongsTo<DownA>,
}

// It is UNLOGGED.
#[derive(Entity, Clone, Debug)]
#[orm(table = "fast")]
pub struct Fast {
    #[orm(primary_key, server_default = "gen_random_uuid()")]
    pub id: Auto<uuid::Uuid>,
    #[orm(server_default = "now()")]
    pub at: Auto<Option<TimestampTz>>,
}

// Not here: the foreign key here_parent_fkey of parent to "side.By".parents, a table of another schema.
#[derive(Entity, Clone, Debug)]
#[orm(table = "here")]
pub struct Here {
    #[orm(primary_key)]
    pub id: i32,
    pub parent: Option<i32>,
    // Its type is the domain codes, mapped as its base type.
    pub codes: Option<Vec<KindOf>>,
    pub kind: Option<KindOf>,
}

// It is partitioned by LIST (sensor).
#[derive(Entity, Clone, Debug)]
#[orm(table = "measures")]
pub struct Measure {
    #[orm(primary_key)]
    pub sensor: i32,
    #[orm(primary_key)]
    pub at: Date,
    pub value: Option<f64>,
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(identity)]
    pub id: Auto<i64>,
    #[orm(back_populates = measure, cascade = "merge, delete", passive_deletes)]
    pub alarms: HasMany<Alarm>,
}

// It has triggers: put_named.
#[derive(Entity, Clone, Debug)]
#[orm(table = "named")]
#[orm(view)]
pub struct Named {
    pub id: Option<i32>,
    pub name: Option<String>,
}

// Only partly here: CREATE UNIQUE INDEX nulls_once_a_b_key ON nulls_once USING btree (a, b) NULLS NOT DISTINCT.
// Not here: the constraint nulls_once_a_excl, EXCLUDE USING btree (a WITH =) WHERE ((b IS NULL)).
#[derive(Entity, Clone, Debug)]
#[orm(table = "nulls_once")]
#[orm(unique(a, b))]
pub struct NullsOnce {
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub a: Option<i32>,
    pub b: Option<i32>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "numbered")]
pub struct Numbered {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(server_default = "nextval('shared_numbers'::regclass)")]
    pub n: Auto<Option<Decimal>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "only_computed")]
pub struct OnlyComputed {
    #[orm(primary_key, server_default = "7")]
    pub id: Auto<i32>,
    #[orm(computed = "(6 * 7)")]
    pub twice: Auto<Option<i32>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "priced")]
pub struct Priced {
    #[orm(primary_key, precision = (8, 2))]
    pub price: Decimal,
    pub name: Option<String>,
    #[orm(back_populates = priced)]
    pub prices_ofs: HasMany<PricesOf>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "prices_of")]
pub struct PricesOf {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(precision = (10, 4), references = "priced.price")]
    pub price: Option<Decimal>,
    #[orm(back_populates = prices_ofs)]
    pub priced: BelongsTo<Priced>,
}

// It has triggers: renumber.
#[derive(Entity, Clone, Debug)]
#[orm(table = "renumbered")]
pub struct Renumbered {
    #[orm(primary_key)]
    pub id: i32,
    pub name: String,
}

// It has rules, by which writing does something else: quiet.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ruled")]
pub struct Ruled {
    #[orm(primary_key)]
    pub id: i32,
    pub name: Option<String>,
}

// It has row-level security.
#[derive(Entity, Clone, Debug)]
#[orm(table = "secured")]
pub struct Secured {
    #[orm(primary_key)]
    pub id: i32,
    pub owner: Option<String>,
    pub body: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "self")]
pub struct SelfRow {
    #[orm(primary_key, column = "self")]
    pub self_: i32,
    #[orm(column = "super")]
    pub super_: Option<i32>,
    #[orm(column = "crate")]
    pub crate_: Option<i32>,
    #[orm(column = "Self")]
    pub self_2: Option<i32>,
    pub r#fn: Option<i32>,
    pub r#type: Option<i32>,
    pub new: Option<String>,
    pub table: Option<String>,
    pub query: Option<String>,
    pub mapper: Option<String>,
}

// It is a materialized view.
#[derive(Entity, Clone, Debug)]
#[orm(table = "summed")]
#[orm(view)]
pub struct Summed {
    #[orm(unique = "summed_sensor")]
    pub sensor: Option<i32>,
    pub total: Option<f64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "swapped")]
pub struct Swapped {
    #[orm(primary_key = 2)]
    pub a: i32,
    #[orm(primary_key = 1)]
    pub b: i32,
    pub name: Option<String>,
    #[orm(back_populates = swapped)]
    pub swaps: HasMany<Swap>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "swaps")]
#[orm(foreign_key(columns(x, y), references = "swapped(a, b)"))]
pub struct Swap {
    #[orm(primary_key)]
    pub id: i32,
    pub x: Option<i32>,
    pub y: Option<i32>,
    #[orm(back_populates = swaps)]
    pub swapped: BelongsTo<Swapped>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "timed")]
pub struct Timed {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        db_type = "tstzrange",
        server_default = "'[\"2024-01-01 00:00:00+00\",)'::tstzrange"
    )]
    pub during: Auto<String>,
    #[orm(db_type = "timestamp(3) with time zone")]
    pub at: Option<TimestampTz>,
    #[orm(precision = (30, 10), server_default = "1.50")]
    pub exact: Auto<Option<Decimal>>,
    // Its type is numeric(3,-1).
    pub tiny: Option<Decimal>,
    #[orm(db_type = "character(7)", server_default = "'x'::bpchar")]
    pub code: Auto<Option<String>>,
    #[orm(db_type = "bit(1)", server_default = "'1'::\"bit\"")]
    pub flag: Auto<Option<String>>,
    // Its type is json.
    #[orm(server_default = "'{\"a\": 1}'::json")]
    pub doc: Auto<Option<serde_json::Value>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wide")]
pub struct Wide {
    #[orm(primary_key)]
    pub id: i32,
    pub column_000: Option<i32>,
    pub column_001: Option<i32>,
    pub column_002: Option<i32>,
    pub column_003: Option<i32>,
    pub column_004: Option<i32>,
    pub column_005: Option<i32>,
    pub column_006: Option<i32>,
    pub column_007: Option<i32>,
    pub column_008: Option<i32>,
    pub column_009: Option<i32>,
    pub column_010: Option<i32>,
    pub column_011: Option<i32>,
    pub column_012: Option<i32>,
    pub column_013: Option<i32>,
    pub column_014: Option<i32>,
    pub column_015: Option<i32>,
    pub column_016: Option<i32>,
    pub column_017: Option<i32>,
    pub column_018: Option<i32>,
    pub column_019: Option<i32>,
    pub column_020: Option<i32>,
    pub column_021: Option<i32>,
    pub column_022: Option<i32>,
    pub column_023: Option<i32>,
    pub column_024: Option<i32>,
    pub column_025: Option<i32>,
    pub column_026: Option<i32>,
    pub column_027: Option<i32>,
    pub column_028: Option<i32>,
    pub column_029: Option<i32>,
    pub column_030: Option<i32>,
    pub column_031: Option<i32>,
    pub column_032: Option<i32>,
    pub column_033: Option<i32>,
    pub column_034: Option<i32>,
    pub column_035: Option<i32>,
    pub column_036: Option<i32>,
    pub column_037: Option<i32>,
    pub column_038: Option<i32>,
    pub column_039: Option<i32>,
    pub column_040: Option<i32>,
    pub column_041: Option<i32>,
    pub column_042: Option<i32>,
    pub column_043: Option<i32>,
    pub column_044: Option<i32>,
    pub column_045: Option<i32>,
    pub column_046: Option<i32>,
    pub column_047: Option<i32>,
    pub column_048: Option<i32>,
    pub column_049: Option<i32>,
    pub column_050: Option<i32>,
    pub column_051: Option<i32>,
    pub column_052: Option<i32>,
    pub column_053: Option<i32>,
    pub column_054: Option<i32>,
    pub column_055: Option<i32>,
    pub column_056: Option<i32>,
    pub column_057: Option<i32>,
    pub column_058: Option<i32>,
    pub column_059: Option<i32>,
    pub column_060: Option<i32>,
    pub column_061: Option<i32>,
    pub column_062: Option<i32>,
    pub column_063: Option<i32>,
    pub column_064: Option<i32>,
    pub column_065: Option<i32>,
    pub column_066: Option<i32>,
    pub column_067: Option<i32>,
    pub column_068: Option<i32>,
    pub column_069: Option<i32>,
    pub column_070: Option<i32>,
    pub column_071: Option<i32>,
    pub column_072: Option<i32>,
    pub column_073: Option<i32>,
    pub column_074: Option<i32>,
    pub column_075: Option<i32>,
    pub column_076: Option<i32>,
    pub column_077: Option<i32>,
    pub column_078: Option<i32>,
    pub column_079: Option<i32>,
    pub column_080: Option<i32>,
    pub column_081: Option<i32>,
    pub column_082: Option<i32>,
    pub column_083: Option<i32>,
    pub column_084: Option<i32>,
    pub column_085: Option<i32>,
    pub column_086: Option<i32>,
    pub column_087: Option<i32>,
    pub column_088: Option<i32>,
    pub column_089: Option<i32>,
    pub column_090: Option<i32>,
    pub column_091: Option<i32>,
    pub column_092: Option<i32>,
    pub column_093: Option<i32>,
    pub column_094: Option<i32>,
    pub column_095: Option<i32>,
    pub column_096: Option<i32>,
    pub column_097: Option<i32>,
    pub column_098: Option<i32>,
    pub column_099: Option<i32>,
    pub column_100: Option<i32>,
    pub column_101: Option<i32>,
    pub column_102: Option<i32>,
    pub column_103: Option<i32>,
    pub column_104: Option<i32>,
    pub column_105: Option<i32>,
    pub column_106: Option<i32>,
    pub column_107: Option<i32>,
    pub column_108: Option<i32>,
    pub column_109: Option<i32>,
    pub column_110: Option<i32>,
    pub column_111: Option<i32>,
    pub column_112: Option<i32>,
    pub column_113: Option<i32>,
    pub column_114: Option<i32>,
    pub column_115: Option<i32>,
    pub column_116: Option<i32>,
    pub column_117: Option<i32>,
    pub column_118: Option<i32>,
    pub column_119: Option<i32>,
    pub column_120: Option<i32>,
    pub column_121: Option<i32>,
    pub column_122: Option<i32>,
    pub column_123: Option<i32>,
    pub column_124: Option<i32>,
    pub column_125: Option<i32>,
    pub column_126: Option<i32>,
    pub column_127: Option<i32>,
    pub column_128: Option<i32>,
    pub column_129: Option<i32>,
    pub column_130: Option<i32>,
    pub column_131: Option<i32>,
    pub column_132: Option<i32>,
    pub column_133: Option<i32>,
    pub column_134: Option<i32>,
    pub column_135: Option<i32>,
    pub column_136: Option<i32>,
    pub column_137: Option<i32>,
    pub column_138: Option<i32>,
    pub column_139: Option<i32>,
    pub column_140: Option<i32>,
    pub column_141: Option<i32>,
    pub column_142: Option<i32>,
    pub column_143: Option<i32>,
    pub column_144: Option<i32>,
    pub column_145: Option<i32>,
    pub column_146: Option<i32>,
    pub column_147: Option<i32>,
    pub column_148: Option<i32>,
    pub column_149: Option<i32>,
    pub column_150: Option<i32>,
    pub column_151: Option<i32>,
    pub column_152: Option<i32>,
    pub column_153: Option<i32>,
    pub column_154: Option<i32>,
    pub column_155: Option<i32>,
    pub column_156: Option<i32>,
    pub column_157: Option<i32>,
    pub column_158: Option<i32>,
    pub column_159: Option<i32>,
    pub column_160: Option<i32>,
    pub column_161: Option<i32>,
    pub column_162: Option<i32>,
    pub column_163: Option<i32>,
    pub column_164: Option<i32>,
    pub column_165: Option<i32>,
    pub column_166: Option<i32>,
    pub column_167: Option<i32>,
    pub column_168: Option<i32>,
    pub column_169: Option<i32>,
    pub column_170: Option<i32>,
    pub column_171: Option<i32>,
    pub column_172: Option<i32>,
    pub column_173: Option<i32>,
    pub column_174: Option<i32>,
    pub column_175: Option<i32>,
    pub column_176: Option<i32>,
    pub column_177: Option<i32>,
    pub column_178: Option<i32>,
    pub column_179: Option<i32>,
    pub column_180: Option<i32>,
    pub column_181: Option<i32>,
    pub column_182: Option<i32>,
    pub column_183: Option<i32>,
    pub column_184: Option<i32>,
    pub column_185: Option<i32>,
    pub column_186: Option<i32>,
    pub column_187: Option<i32>,
    pub column_188: Option<i32>,
    pub column_189: Option<i32>,
    pub column_190: Option<i32>,
    pub column_191: Option<i32>,
    pub column_192: Option<i32>,
    pub column_193: Option<i32>,
    pub column_194: Option<i32>,
    pub column_195: Option<i32>,
    pub column_196: Option<i32>,
    pub column_197: Option<i32>,
    pub column_198: Option<i32>,
    pub column_199: Option<i32>,
    pub column_200: Option<i32>,
    pub column_201: Option<i32>,
    pub column_202: Option<i32>,
    pub column_203: Option<i32>,
    pub column_204: Option<i32>,
    pub column_205: Option<i32>,
    pub column_206: Option<i32>,
    pub column_207: Option<i32>,
    pub column_208: Option<i32>,
    pub column_209: Option<i32>,
    pub column_210: Option<i32>,
    pub column_211: Option<i32>,
    pub column_212: Option<i32>,
    pub column_213: Option<i32>,
    pub column_214: Option<i32>,
    pub column_215: Option<i32>,
    pub column_216: Option<i32>,
    pub column_217: Option<i32>,
    pub column_218: Option<i32>,
    pub column_219: Option<i32>,
    pub column_220: Option<i32>,
    pub column_221: Option<i32>,
    pub column_222: Option<i32>,
    pub column_223: Option<i32>,
    pub column_224: Option<i32>,
    pub column_225: Option<i32>,
    pub column_226: Option<i32>,
    pub column_227: Option<i32>,
    pub column_228: Option<i32>,
    pub column_229: Option<i32>,
    pub column_230: Option<i32>,
    pub column_231: Option<i32>,
    pub column_232: Option<i32>,
    pub column_233: Option<i32>,
    pub column_234: Option<i32>,
    pub column_235: Option<i32>,
    pub column_236: Option<i32>,
    pub column_237: Option<i32>,
    pub column_238: Option<i32>,
    pub column_239: Option<i32>,
    pub column_240: Option<i32>,
    pub column_241: Option<i32>,
    pub column_242: Option<i32>,
    pub column_243: Option<i32>,
    pub column_244: Option<i32>,
    pub column_245: Option<i32>,
    pub column_246: Option<i32>,
    pub column_247: Option<i32>,
    pub column_248: Option<i32>,
    pub column_249: Option<i32>,
    pub column_250: Option<i32>,
    pub column_251: Option<i32>,
    pub column_252: Option<i32>,
    pub column_253: Option<i32>,
    pub column_254: Option<i32>,
    pub column_255: Option<i32>,
    pub column_256: Option<i32>,
    pub column_257: Option<i32>,
    pub column_258: Option<i32>,
    pub column_259: Option<i32>,
    pub column_260: Option<i32>,
    pub column_261: Option<i32>,
    pub column_262: Option<i32>,
    pub column_263: Option<i32>,
    pub column_264: Option<i32>,
    pub column_265: Option<i32>,
    pub column_266: Option<i32>,
    pub column_267: Option<i32>,
    pub column_268: Option<i32>,
    pub column_269: Option<i32>,
    pub column_270: Option<i32>,
    pub column_271: Option<i32>,
    pub column_272: Option<i32>,
    pub column_273: Option<i32>,
    pub column_274: Option<i32>,
    pub column_275: Option<i32>,
    pub column_276: Option<i32>,
    pub column_277: Option<i32>,
    pub column_278: Option<i32>,
    pub column_279: Option<i32>,
    pub column_280: Option<i32>,
    pub column_281: Option<i32>,
    pub column_282: Option<i32>,
    pub column_283: Option<i32>,
    pub column_284: Option<i32>,
    pub column_285: Option<i32>,
    pub column_286: Option<i32>,
    pub column_287: Option<i32>,
    pub column_288: Option<i32>,
    pub column_289: Option<i32>,
    pub column_290: Option<i32>,
    pub column_291: Option<i32>,
    pub column_292: Option<i32>,
    pub column_293: Option<i32>,
    pub column_294: Option<i32>,
    pub column_295: Option<i32>,
    pub column_296: Option<i32>,
    pub column_297: Option<i32>,
    pub column_298: Option<i32>,
    pub column_299: Option<i32>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Ünï \"q\" 🦀")]
pub struct ÜnïQ {
    #[orm(primary_key, column = "a.b")]
    pub a_b: i32,
    #[orm(column = "sel\"ect", server_default = "'it''s; -- \"x\"'::text")]
    pub sel_ect: Auto<Option<String>>,
    #[orm(column = "back\\slash")]
    pub back_slash: Option<String>,
    #[orm(column = "CamelCase")]
    pub camel_case: Option<String>,
    pub camelcase: Option<String>,
    #[orm(column = "tab\there")]
    pub tab_here: Option<String>,
}
