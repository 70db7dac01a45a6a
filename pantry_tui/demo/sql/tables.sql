-- The CRM of a food-service sales agency: types, functions and tables. Keys, indexes, triggers and policies follow the
-- rows (guards.sql), as they would in any bulk load.

CREATE TYPE public.organization_kind AS ENUM
    ('distributor', 'principal', 'chain', 'restaurant', 'caterer', 'hotel', 'school', 'hospital');
CREATE TYPE public.user_role AS ENUM ('admin', 'manager', 'sales_rep', 'read_only');
CREATE TYPE public.interaction_kind AS ENUM
    ('call', 'email', 'in_person', 'demo', 'sample_drop', 'follow_up', 'complaint');
CREATE TYPE public.opportunity_stage AS ENUM
    ('new_lead', 'initial_outreach', 'sample_visit_offered', 'awaiting_response', 'feedback_logged', 'demo_scheduled',
     'closed_won', 'closed_lost');

CREATE DOMAIN public.email_address AS text
    CONSTRAINT email_address_has_one_at CHECK (VALUE ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$');
CREATE DOMAIN public.price AS numeric(12, 4) CONSTRAINT price_is_not_negative CHECK (VALUE >= 0);

CREATE FUNCTION public.touch_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE FUNCTION public.acting_user() RETURNS uuid LANGUAGE sql STABLE
RETURN nullif(current_setting('pantry.user_id', true), '')::uuid;
COMMENT ON FUNCTION public.acting_user() IS 'Who the application says is asking; the policies compare it.';

CREATE TABLE public.users (
    id uuid NOT NULL,
    email public.email_address NOT NULL,
    full_name text NOT NULL,
    role public.user_role NOT NULL DEFAULT 'sales_rep',
    manager_id uuid,
    territory text,
    time_zone text NOT NULL DEFAULT 'America/Chicago',
    settings jsonb NOT NULL DEFAULT '{}',
    last_seen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE public.organizations (
    id uuid NOT NULL,
    parent_id uuid,
    kind public.organization_kind NOT NULL,
    name text NOT NULL,
    legal_name text,
    account_manager_id uuid,
    website text,
    phone text,
    street text,
    city text,
    state character(2),
    postal_code character varying(10),
    latitude double precision,
    longitude double precision,
    priority character(1) NOT NULL DEFAULT 'C' CONSTRAINT priority_is_a_to_d CHECK (priority IN ('A', 'B', 'C', 'D')),
    annual_volume numeric(14, 2),
    delivery_days text[] NOT NULL DEFAULT '{}',
    contract_until date,
    profile jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
COMMENT ON TABLE public.organizations IS 'Whoever we sell for, through or to; a location points to its chain.';
COMMENT ON COLUMN public.organizations.contract_until IS 'infinity: until somebody gives notice';

CREATE TABLE public.contacts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    title text,
    email public.email_address,
    phones text[] NOT NULL DEFAULT '{}',
    is_primary boolean NOT NULL DEFAULT false,
    preferences jsonb NOT NULL DEFAULT '{}',
    birthday date,
    best_time time,
    remarks text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE public.products (
    id uuid NOT NULL,
    principal_id uuid NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    pack text NOT NULL,
    case_weight_kg numeric(8, 3) NOT NULL,
    shelf_life interval,
    list_price public.price NOT NULL,
    allergens text[] NOT NULL DEFAULT '{}',
    nutrition jsonb,
    description text,
    search tsvector GENERATED ALWAYS AS
        (to_tsvector('pg_catalog.simple'::regconfig, name || ' ' || category || ' ' || sku)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE public.price_history (
    product_id uuid NOT NULL,
    effective_on date NOT NULL,
    distributor_id uuid NOT NULL,
    price public.price NOT NULL,
    previous_price public.price,
    currency character(3) NOT NULL DEFAULT 'USD',
    reason text
) PARTITION BY RANGE (effective_on);
CREATE TABLE public.price_history_2024 PARTITION OF public.price_history
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.price_history_2025 PARTITION OF public.price_history
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.price_history_2026 PARTITION OF public.price_history
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.price_history_other PARTITION OF public.price_history DEFAULT;

CREATE SEQUENCE public.quote_number AS integer START WITH 20000 INCREMENT BY 5;

CREATE TABLE public.opportunities (
    id uuid NOT NULL,
    number bigint NOT NULL GENERATED ALWAYS AS IDENTITY (START WITH 100001),
    organization_id uuid NOT NULL,
    contact_id uuid,
    owner_id uuid,
    quote integer DEFAULT nextval('public.quote_number'),
    name text NOT NULL,
    stage public.opportunity_stage NOT NULL DEFAULT 'new_lead',
    amount numeric(14, 2) NOT NULL DEFAULT 0,
    probability smallint NOT NULL DEFAULT 0 CONSTRAINT probability_is_percent CHECK (probability BETWEEN 0 AND 100),
    expected_close date,
    competitors text[] NOT NULL DEFAULT '{}',
    lost_reason text,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT only_lost_deals_have_a_reason CHECK (lost_reason IS NULL OR stage = 'closed_lost')
);
ALTER SEQUENCE public.quote_number OWNED BY public.opportunities.quote;

CREATE TABLE public.opportunity_items (
    id uuid NOT NULL,
    opportunity_id uuid NOT NULL,
    product_id uuid NOT NULL,
    position smallint NOT NULL,
    quantity numeric(10, 2) NOT NULL CONSTRAINT quantity_is_positive CHECK (quantity > 0),
    unit_price public.price NOT NULL,
    discount_percent numeric(5, 2) NOT NULL DEFAULT 0,
    line_total numeric(14, 2) GENERATED ALWAYS AS
        (round(quantity * unit_price * (100 - discount_percent) / 100, 2)) STORED,
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.interactions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid,
    opportunity_id uuid,
    user_id uuid,
    kind public.interaction_kind NOT NULL,
    subject text NOT NULL,
    body text,
    occurred_at timestamptz NOT NULL,
    duration interval,
    sentiment real,
    follow_up_on date,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE public.attachments (
    id uuid NOT NULL,
    interaction_id uuid NOT NULL,
    file_name text NOT NULL,
    media_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    preview bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);

CREATE TABLE public.tags (
    id integer NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    name text NOT NULL,
    colour text NOT NULL DEFAULT '#7a8b5c',
    synonyms text[]
);

-- Somebody imported a spreadsheet and never came back: no key, names as in the sheet, a column dropped again.
CREATE TABLE public."Forecast 2026 (final) v2" (
    "Account" text,
    "dropped" integer,
    "Δ vs. 2025, %" numeric,
    "Rep's ""gut feel""" text DEFAULT 'n/a',
    "order" real
);
ALTER TABLE public."Forecast 2026 (final) v2" DROP COLUMN "dropped";

CREATE TABLE public.organization_tags (
    organization_id uuid NOT NULL,
    tag_id integer NOT NULL,
    tagged_by uuid,
    tagged_at timestamptz NOT NULL DEFAULT now()
);
