CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, LIKE = text);
CREATE SCHEMA "Other Place";
CREATE TYPE "Other Place"."Mood" AS ENUM ('Up', 'down', 'a,"b\c', 'type');
CREATE TYPE "order" AS ENUM ('asc', 'desc');
CREATE TYPE address AS (street text, zip integer);
CREATE TYPE float_range AS RANGE (subtype = float8);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN small AS positive CHECK (VALUE < 100);
CREATE DOMAIN feeling AS "Other Place"."Mood" NOT NULL DEFAULT 'Up';
CREATE DOMAIN words AS text[];
CREATE DOMAIN moods AS "Other Place"."Mood"[];
CREATE TABLE kinds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    folded citext,
    pairs hstore,
    tree ltree,
    near vector,
    feeling feeling,
    maybe "Other Place"."Mood",
    all_moods "Other Place"."Mood"[],
    domain_of_moods moods,
    direction "order" DEFAULT 'asc',
    directions "order"[],
    home address,
    homes address[],
    weights float_range,
    multi nummultirange,
    smalls small[],
    several positive[],
    tags words,
    matrix integer[][],
    cube double precision[][][],
    bools boolean[],
    shorts smallint[],
    longs bigint[],
    numbers numeric(10, 2)[],
    days date[],
    moments timestamp with time zone[],
    ids uuid[],
    bytes bytea[],
    docs jsonb[],
    spans interval[],
    boxes box[],
    codes character(3)[],
    system int2vector,
    one "char",
    called name,
    at_zone time with time zone,
    cash money,
    flags bit varying(8),
    bits bit(3)[],
    search tsquery,
    page xml,
    class regclass,
    "type" text,
    "a.b" text,
    "quote""d" text
);
CREATE TABLE folded_keys (name citext PRIMARY KEY, hits integer);
CREATE TABLE folded_children (id integer PRIMARY KEY, name citext REFERENCES folded_keys ON UPDATE CASCADE);
CREATE TABLE money_keys (price money PRIMARY KEY, words text);
CREATE TABLE bit_keys (flags bit(4), zone timetz, words text, PRIMARY KEY (flags, zone));
CREATE TABLE range_keys (during int4range PRIMARY KEY, words text);
CREATE TABLE oid_keys (class oid PRIMARY KEY, words text);
CREATE TABLE small_keys (small small PRIMARY KEY, words text);
CREATE TABLE direction_keys (direction "order", mood "Other Place"."Mood", words text, PRIMARY KEY (direction, mood));
CREATE TABLE people (
    id integer CONSTRAINT people_key PRIMARY KEY,
    name text NOT NULL CONSTRAINT "People's names" UNIQUE,
    born date,
    boss integer CONSTRAINT "to the boss" REFERENCES people ON DELETE SET NULL,
    height double precision CONSTRAINT high CHECK (height > 0),
    CONSTRAINT grown CHECK (born < '2020-01-01'),
    CONSTRAINT "name and date" UNIQUE (name, born)
);
CREATE INDEX by_birth ON people (born);
CREATE INDEX "by birth, again" ON people (born);
CREATE INDEX by_boss_and_birth ON people (boss, born);
COMMENT ON TABLE people IS 'Who works here.';
COMMENT ON COLUMN people.name IS 'First the family name,
then the given one';
COMMENT ON COLUMN people.born IS 'See [the law] for <details>';
COMMENT ON COLUMN people.height IS '    in metres \ "barefoot"';
CREATE TABLE pairs (
    person integer NOT NULL REFERENCES people,
    friend integer NOT NULL CONSTRAINT friend_of REFERENCES people,
    PRIMARY KEY (person, friend)
);
CREATE VIEW adults AS SELECT id, name, born FROM people WHERE born < '2006-01-01';
COMMENT ON VIEW adults IS 'Whoever may vote.';
COMMENT ON COLUMN adults.name IS 'As in people';
CREATE MATERIALIZED VIEW years AS SELECT extract(year FROM born) AS year, count(*) AS people FROM people GROUP BY 1;
CREATE TABLE lines (at timestamp, line text, five jsonb);
CREATE INDEX lines_at ON lines (at);
CREATE TABLE wide_key (a integer, b integer, c integer, d integer, e integer, PRIMARY KEY (a, b, c, d, e));
CREATE TABLE measured (at double precision PRIMARY KEY, value text);
CREATE TABLE nothing ()
