-- What protects the rows once they are there: keys, indexes, triggers, views, policies.

DROP SCHEMA pantry_seed CASCADE;

ALTER TABLE public.users ADD PRIMARY KEY (id);
ALTER TABLE public.organizations ADD PRIMARY KEY (id);
ALTER TABLE public.contacts ADD PRIMARY KEY (id);
ALTER TABLE public.products ADD PRIMARY KEY (id), ADD CONSTRAINT products_sku_key UNIQUE (sku);
ALTER TABLE public.price_history ADD PRIMARY KEY (product_id, effective_on);
ALTER TABLE public.opportunities ADD PRIMARY KEY (id);
ALTER TABLE public.opportunity_items ADD PRIMARY KEY (id);
ALTER TABLE public.interactions ADD PRIMARY KEY (id);
ALTER TABLE public.attachments ADD PRIMARY KEY (id);
ALTER TABLE public.tags ADD PRIMARY KEY (id), ADD CONSTRAINT tags_name_key UNIQUE (name);
ALTER TABLE public.organization_tags ADD PRIMARY KEY (organization_id, tag_id);

CREATE UNIQUE INDEX users_email_key ON public.users (lower(email)) WHERE deleted_at IS NULL;
CREATE INDEX organizations_parent_id_idx ON public.organizations (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX organizations_profile_idx ON public.organizations USING gin (profile jsonb_path_ops);
CREATE INDEX contacts_organization_id_idx ON public.contacts (organization_id);
CREATE INDEX products_search_idx ON public.products USING gin (search);
CREATE INDEX opportunities_organization_id_idx ON public.opportunities (organization_id);
CREATE INDEX opportunity_items_opportunity_id_idx ON public.opportunity_items (opportunity_id, position);
CREATE INDEX interactions_organization_id_idx ON public.interactions (organization_id, occurred_at DESC);

ALTER TABLE public.users
    ADD FOREIGN KEY (manager_id) REFERENCES public.users ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE public.organizations
    ADD FOREIGN KEY (parent_id) REFERENCES public.organizations ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (account_manager_id) REFERENCES public.users ON DELETE SET NULL;
ALTER TABLE public.contacts ADD FOREIGN KEY (organization_id) REFERENCES public.organizations ON DELETE CASCADE;
ALTER TABLE public.products ADD FOREIGN KEY (principal_id) REFERENCES public.organizations ON DELETE RESTRICT;
ALTER TABLE public.price_history
    ADD FOREIGN KEY (product_id) REFERENCES public.products ON DELETE CASCADE,
    ADD FOREIGN KEY (distributor_id) REFERENCES public.organizations ON DELETE CASCADE;
ALTER TABLE public.opportunities
    ADD FOREIGN KEY (organization_id) REFERENCES public.organizations ON DELETE CASCADE,
    ADD FOREIGN KEY (contact_id) REFERENCES public.contacts ON DELETE SET NULL,
    ADD FOREIGN KEY (owner_id) REFERENCES public.users ON DELETE SET NULL;
ALTER TABLE public.opportunity_items
    ADD FOREIGN KEY (opportunity_id) REFERENCES public.opportunities ON DELETE CASCADE,
    ADD FOREIGN KEY (product_id) REFERENCES public.products ON DELETE RESTRICT;
ALTER TABLE public.interactions
    ADD FOREIGN KEY (organization_id) REFERENCES public.organizations ON DELETE CASCADE,
    ADD FOREIGN KEY (contact_id) REFERENCES public.contacts ON DELETE SET NULL,
    ADD FOREIGN KEY (opportunity_id) REFERENCES public.opportunities ON DELETE SET NULL,
    ADD FOREIGN KEY (user_id) REFERENCES public.users ON DELETE SET NULL;
ALTER TABLE public.attachments ADD FOREIGN KEY (interaction_id) REFERENCES public.interactions ON DELETE CASCADE;
ALTER TABLE public.organization_tags
    ADD FOREIGN KEY (organization_id) REFERENCES public.organizations ON DELETE CASCADE,
    ADD FOREIGN KEY (tag_id) REFERENCES public.tags ON DELETE CASCADE,
    ADD FOREIGN KEY (tagged_by) REFERENCES public.users ON DELETE SET NULL;
-- new rows only: the older ones were never cleaned up
ALTER TABLE public.contacts ADD CONSTRAINT contact_can_be_reached
    CHECK (email IS NOT NULL OR cardinality(phones) > 0) NOT VALID;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['users', 'organizations', 'contacts', 'products', 'opportunities',
                                      'opportunity_items', 'interactions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON public.%I FOR EACH ROW '
                       'EXECUTE FUNCTION public.touch_updated_at()', 'touch_' || table_name, table_name);
    END LOOP;
END
$$;
ALTER TABLE public.products ENABLE ALWAYS TRIGGER touch_products;
ALTER TABLE public.users DISABLE TRIGGER touch_users;

CREATE VIEW public.open_opportunities WITH (security_barrier) AS
SELECT o.number, o.name, o.stage, o.amount, o.probability, o.expected_close, g.name AS organization,
       u.full_name AS owner
FROM public.opportunities o
JOIN public.organizations g ON g.id = o.organization_id
LEFT JOIN public.users u ON u.id = o.owner_id
WHERE o.deleted_at IS NULL AND o.stage NOT IN ('closed_won', 'closed_lost');

CREATE MATERIALIZED VIEW public.pipeline_by_stage AS
SELECT stage, count(*) AS opportunities, sum(amount) AS amount, sum(amount * probability / 100) AS weighted_amount,
       min(expected_close) AS next_close
FROM public.opportunities
WHERE deleted_at IS NULL
GROUP BY stage;
CREATE UNIQUE INDEX pipeline_by_stage_key ON public.pipeline_by_stage (stage);

ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.contacts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.opportunities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.opportunity_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.interactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.interactions FORCE ROW LEVEL SECURITY;
ALTER TABLE public.attachments ENABLE ROW LEVEL SECURITY;

CREATE POLICY organizations_are_seen ON public.organizations FOR SELECT
    USING (deleted_at IS NULL AND public.acting_user() IS NOT NULL);
CREATE POLICY organizations_are_changed_by_their_manager ON public.organizations FOR UPDATE
    USING (account_manager_id = public.acting_user()) WITH CHECK (account_manager_id = public.acting_user());
CREATE POLICY contacts_follow_their_organization ON public.contacts
    USING (EXISTS (SELECT FROM public.organizations o WHERE o.id = organization_id));
CREATE POLICY deleted_contacts_are_hidden ON public.contacts AS RESTRICTIVE FOR SELECT USING (deleted_at IS NULL);
CREATE POLICY opportunities_are_their_owners ON public.opportunities USING (owner_id = public.acting_user());
CREATE POLICY items_follow_their_opportunity ON public.opportunity_items
    USING (EXISTS (SELECT FROM public.opportunities o WHERE o.id = opportunity_id));
CREATE POLICY interactions_are_seen ON public.interactions FOR SELECT USING (deleted_at IS NULL);
CREATE POLICY interactions_are_written_by_their_user ON public.interactions FOR INSERT
    WITH CHECK (user_id = public.acting_user());
CREATE POLICY attachments_follow_their_interaction ON public.attachments
    USING (EXISTS (SELECT FROM public.interactions i WHERE i.id = interaction_id));

GRANT SELECT ON public.products, public.price_history, public.tags TO PUBLIC;
