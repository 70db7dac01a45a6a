-- What the rows are made with. It all lives in one schema, which is dropped when the rows are there.
-- A "random" choice is a hash of the row's number and a salt: the same in every run, on every server.

CREATE SCHEMA pantry_seed;

-- Everything follows from the scale; a table that must not be empty has a least size.
CREATE TABLE pantry_seed.sizes AS
SELECT greatest(12, round(400 * scale))::bigint AS users,
       greatest(60, round(45000 * scale))::bigint AS organizations,
       greatest(6, round(900 * scale))::bigint AS distributors,
       greatest(6, round(1200 * scale))::bigint AS principals,
       greatest(4, round(1000 * scale))::bigint AS chains,
       greatest(150, round(130000 * scale))::bigint AS contacts,
       greatest(40, round(14000 * scale))::bigint AS products,
       greatest(120, round(120000 * scale))::bigint AS opportunities,
       greatest(400, round(420000 * scale))::bigint AS interactions,
       greatest(40, round(60000 * scale))::bigint AS attachments
FROM (SELECT current_setting('pantry.scale')::numeric AS scale) AS given;

CREATE FUNCTION pantry_seed.pick(n bigint, salt bigint, choices bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashint8extended(n, salt) & 9223372036854775807) % choices
$$;

CREATE FUNCTION pantry_seed.choose(list text[], n bigint, salt bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT list[1 + pantry_seed.pick(n, salt, cardinality(list))::integer]
$$;

-- Low numbers more often than high ones, as with customers, products and sales people.
CREATE FUNCTION pantry_seed.pick_popular(n bigint, salt bigint, choices bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pantry_seed.pick(n, salt, 1 + pantry_seed.pick(n, salt + 500, choices))
$$;

CREATE FUNCTION pantry_seed.key(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5(kind || n::text)::uuid
$$;

-- A moment in office hours (13 to 22 hours UTC) of one of the last `days` days before 21 November 2026.
CREATE FUNCTION pantry_seed.moment(n bigint, salt bigint, days bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(1795132800 - 86400 * pantry_seed.pick(n, salt, days)
        + 46800 + pantry_seed.pick(n, salt + 1, 32400))
$$;

CREATE FUNCTION pantry_seed.phone(n bigint, salt bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '+1-'
        || pantry_seed.choose('{206,212,305,312,404,415,503,504,512,602,612,615,617,702,713,720,773,816}', n, salt)
        || '-555-' || lpad((100 + pantry_seed.pick(n, salt + 1, 100))::text, 4, '0')
$$;

-- Who belongs to whom, by number.
CREATE FUNCTION pantry_seed.organization_of(contact bigint, organizations bigint, contacts bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 1 + ((contact - 1) * organizations / contacts + pantry_seed.pick(contact, 301, 4)) % organizations
$$;

CREATE FUNCTION pantry_seed.manager_of(organization bigint, users bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 1 + pantry_seed.pick_popular(organization, 311, users)
$$;

CREATE FUNCTION pantry_seed.list_price(product bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (650 + pantry_seed.pick_popular(product, 321, 17500))::numeric / 100
$$;
