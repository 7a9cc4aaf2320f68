--
-- PostgreSQL database dump
--

\restrict zgUTOH2XYWHOZbFQDEUPYq6YkAGPju6I8IXTRukxvuCwDQbq2P85KwKm8II91et

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: actions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.actions (
    user_id bigint NOT NULL,
    job_id bigint NOT NULL,
    action text NOT NULL,
    occurred_at bigint NOT NULL,
    CONSTRAINT action_kind CHECK ((action = ANY (ARRAY['application'::text, 'click'::text, 'view'::text])))
);


--
-- Name: current_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.current_runs (
    name text NOT NULL,
    run_id text NOT NULL
);


--
-- Name: data_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.data_changes (
    table_name text NOT NULL,
    revision bigint NOT NULL
);


--
-- Name: job_factors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_factors (
    job_id bigint NOT NULL,
    vector bytea NOT NULL
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    job_id bigint NOT NULL,
    company_id text,
    company_name text,
    title text,
    prefecture_code text,
    city_code text,
    station_name text,
    address text,
    salary_type text,
    min_salary double precision,
    max_salary double precision,
    fee double precision,
    occupation_code bigint,
    employment_type_code bigint,
    has_daily_payment boolean,
    has_no_experience boolean,
    has_student_welcome boolean,
    has_remote_work boolean,
    posted_at bigint,
    expires_at bigint,
    is_active boolean NOT NULL,
    external_id text
);


--
-- Name: occupations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.occupations (
    occupation_code bigint NOT NULL,
    name text,
    major_code bigint
);


--
-- Name: prefecture_adjacency; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prefecture_adjacency (
    prefecture_code text NOT NULL,
    adjacent_code text NOT NULL
);


--
-- Name: prefectures; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prefectures (
    prefecture_code text NOT NULL,
    name text,
    region text
);


--
-- Name: profiles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.profiles (
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    model text NOT NULL,
    parent text,
    parent_digest text,
    data_fingerprint text,
    as_of bigint,
    code_version text NOT NULL,
    metrics text NOT NULL,
    author text,
    note text NOT NULL,
    saved_at bigint NOT NULL,
    promoted_at bigint
);


--
-- Name: promotions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.promotions (
    number integer NOT NULL,
    at bigint NOT NULL,
    action text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    note text NOT NULL,
    CONSTRAINT promotion_action CHECK ((action = ANY (ARRAY['promote'::text, 'rollback'::text])))
);


--
-- Name: results; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.results (
    run_id text NOT NULL,
    user_id bigint NOT NULL,
    rank integer NOT NULL,
    job_id bigint NOT NULL,
    total_score double precision NOT NULL,
    base_score double precision NOT NULL,
    match_score double precision NOT NULL,
    personal_score double precision NOT NULL
);


--
-- Name: runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.runs (
    run_id text NOT NULL,
    status text NOT NULL,
    model text NOT NULL,
    settings text NOT NULL,
    data_fingerprint text,
    as_of bigint,
    created_at bigint NOT NULL,
    published_at bigint,
    users bigint,
    jobs bigint,
    rows bigint,
    CONSTRAINT run_status CHECK ((status = ANY (ARRAY['writing'::text, 'published'::text])))
);


--
-- Name: user_factors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_factors (
    user_id bigint NOT NULL,
    vector bytea NOT NULL
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    user_id bigint NOT NULL,
    prefecture_code text,
    city_code text,
    age_group text,
    gender text,
    preferred_occupations text,
    preferred_salary_min double precision,
    preferred_work_style text,
    registered_at bigint,
    is_active boolean NOT NULL,
    external_id text
);


--
-- Data for Name: actions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.actions VALUES
	(1, 30, 'view', 1763807432000000),
	(1, 35, 'view', 1753354451000000),
	(1, 66, 'click', 1763807530000000),
	(1, 66, 'view', 1763807512000000),
	(1, 79, 'click', 1757451756000000),
	(1, 79, 'view', 1757451738000000),
	(1, 90, 'click', 1762419946000000),
	(1, 90, 'view', 1762419930000000),
	(1, 114, 'click', 1762419903000000),
	(1, 114, 'view', 1762419898000000),
	(1, 115, 'view', 1757451809000000),
	(1, 145, 'view', 1757148949000000),
	(1, 145, 'view', 1757451644000000),
	(1, 151, 'click', 1763807583000000),
	(1, 151, 'view', 1763807571000000),
	(1, 154, 'view', 1762419808000000),
	(1, 157, 'view', 1762420020000000),
	(1, 191, 'view', 1763641179000000),
	(1, 200, 'click', 1763641133000000),
	(1, 200, 'view', 1763641115000000),
	(2, 28, 'view', 1739696026000000),
	(2, 112, 'click', 1739696143000000),
	(2, 112, 'view', 1739696125000000),
	(3, 45, 'view', 1764499197000000),
	(3, 62, 'view', 1764499102000000),
	(3, 96, 'view', 1759710836000000),
	(3, 103, 'click', 1764499180000000),
	(3, 103, 'view', 1764499169000000),
	(3, 109, 'click', 1764499015000000),
	(3, 109, 'view', 1764499004000000),
	(5, 22, 'view', 1734300114000000),
	(5, 30, 'view', 1763449142000000),
	(5, 140, 'click', 1763449071000000),
	(5, 140, 'view', 1763449057000000),
	(7, 35, 'click', 1750068650000000),
	(7, 35, 'view', 1750068636000000),
	(8, 1, 'click', 1763294443000000),
	(8, 1, 'view', 1763294439000000),
	(8, 4, 'view', 1764494756000000),
	(8, 6, 'click', 1764494604000000),
	(8, 6, 'view', 1764494596000000),
	(8, 19, 'click', 1763098467000000),
	(8, 19, 'view', 1763098448000000),
	(8, 25, 'view', 1764494561000000),
	(8, 28, 'view', 1740478818000000),
	(8, 30, 'click', 1763294112000000),
	(8, 30, 'view', 1763098258000000),
	(8, 30, 'view', 1763294104000000),
	(8, 30, 'view', 1763514226000000),
	(8, 30, 'view', 1764494901000000),
	(8, 48, 'click', 1763294338000000),
	(8, 48, 'view', 1763098176000000),
	(8, 48, 'view', 1763294325000000),
	(8, 56, 'click', 1763294217000000),
	(8, 56, 'view', 1763294201000000),
	(8, 58, 'view', 1763294382000000),
	(8, 91, 'view', 1763294510000000),
	(8, 95, 'click', 1764494467000000),
	(8, 95, 'view', 1764494455000000),
	(8, 106, 'click', 1764495034000000),
	(8, 106, 'view', 1764495028000000),
	(8, 108, 'view', 1764494727000000),
	(8, 112, 'view', 1740478744000000),
	(8, 114, 'view', 1763098382000000),
	(8, 116, 'click', 1753275115000000),
	(8, 116, 'view', 1753275098000000),
	(8, 117, 'click', 1764494981000000),
	(8, 117, 'view', 1764494978000000),
	(8, 140, 'click', 1763098108000000),
	(8, 140, 'view', 1763098100000000),
	(8, 140, 'view', 1763514182000000),
	(8, 151, 'view', 1763098296000000),
	(8, 151, 'view', 1763294251000000),
	(8, 153, 'view', 1740478870000000),
	(8, 157, 'view', 1763294561000000),
	(8, 187, 'view', 1763514307000000),
	(8, 190, 'click', 1764494683000000),
	(8, 190, 'view', 1764494675000000),
	(8, 195, 'view', 1763514102000000),
	(8, 195, 'view', 1764494864000000),
	(9, 18, 'view', 1762653378000000),
	(9, 111, 'view', 1748343241000000),
	(9, 152, 'view', 1762653254000000),
	(9, 157, 'view', 1762653318000000),
	(10, 3, 'click', 1764402512000000),
	(10, 3, 'view', 1764402507000000),
	(10, 14, 'view', 1763521923000000),
	(10, 14, 'view', 1764402720000000),
	(10, 23, 'view', 1763521983000000),
	(10, 27, 'view', 1763078909000000),
	(10, 28, 'application', 1741646546000000),
	(10, 28, 'click', 1741646341000000),
	(10, 28, 'click', 1744667545000000),
	(10, 28, 'click', 1745639299000000),
	(10, 28, 'view', 1740803971000000),
	(10, 28, 'view', 1741646322000000),
	(10, 28, 'view', 1744667542000000),
	(10, 28, 'view', 1745639293000000),
	(10, 35, 'click', 1752842753000000),
	(10, 35, 'view', 1752842750000000);
INSERT INTO public.actions VALUES
	(10, 46, 'view', 1764402770000000),
	(10, 50, 'click', 1763078769000000),
	(10, 50, 'view', 1763078758000000),
	(10, 50, 'view', 1763521830000000),
	(10, 50, 'view', 1763725820000000),
	(10, 50, 'view', 1764338714000000),
	(10, 57, 'application', 1763522376000000),
	(10, 57, 'click', 1763522031000000),
	(10, 57, 'view', 1763522014000000),
	(10, 68, 'view', 1764402633000000),
	(10, 74, 'view', 1752842817000000),
	(10, 79, 'click', 1757766898000000),
	(10, 79, 'view', 1757766882000000),
	(10, 80, 'click', 1763078977000000),
	(10, 80, 'view', 1763078974000000),
	(10, 84, 'application', 1741646804000000),
	(10, 84, 'click', 1741646392000000),
	(10, 84, 'view', 1741646389000000),
	(10, 91, 'view', 1763078863000000),
	(10, 91, 'view', 1763522080000000),
	(10, 91, 'view', 1763725881000000),
	(10, 91, 'view', 1764402816000000),
	(10, 104, 'application', 1741646633000000),
	(10, 104, 'click', 1741646265000000),
	(10, 104, 'view', 1741646247000000),
	(10, 115, 'click', 1757511337000000),
	(10, 115, 'view', 1757511318000000),
	(10, 115, 'view', 1757766810000000),
	(10, 121, 'click', 1760837847000000),
	(10, 121, 'view', 1760837842000000),
	(10, 126, 'view', 1750816432000000),
	(10, 129, 'view', 1764402603000000),
	(10, 152, 'view', 1760837919000000),
	(10, 152, 'view', 1763079101000000),
	(10, 153, 'view', 1741646448000000),
	(10, 157, 'view', 1763079045000000),
	(11, 56, 'view', 1764475173000000),
	(11, 80, 'view', 1764475007000000),
	(11, 108, 'view', 1764475088000000),
	(12, 5, 'application', 1763123726000000),
	(12, 5, 'click', 1763123169000000),
	(12, 5, 'view', 1763123161000000),
	(12, 27, 'view', 1761414581000000),
	(12, 27, 'view', 1761887323000000),
	(12, 63, 'view', 1759152393000000),
	(12, 72, 'view', 1761414667000000),
	(12, 76, 'view', 1761887377000000),
	(12, 96, 'view', 1759152448000000),
	(12, 125, 'click', 1763100892000000),
	(12, 125, 'view', 1763100884000000),
	(12, 152, 'application', 1761887600000000),
	(12, 152, 'click', 1761887177000000),
	(12, 152, 'view', 1759152297000000),
	(12, 152, 'view', 1761414500000000),
	(12, 152, 'view', 1761887170000000),
	(12, 157, 'view', 1761887261000000),
	(13, 1, 'view', 1762922033000000),
	(13, 19, 'view', 1763508080000000),
	(13, 19, 'view', 1763557117000000),
	(13, 23, 'click', 1764416531000000),
	(13, 23, 'view', 1762922132000000),
	(13, 23, 'view', 1763557180000000),
	(13, 23, 'view', 1764416527000000),
	(13, 27, 'view', 1761052959000000),
	(13, 28, 'view', 1743166571000000),
	(13, 30, 'view', 1763507983000000),
	(13, 39, 'view', 1762922190000000),
	(13, 44, 'click', 1764416603000000),
	(13, 44, 'view', 1764416591000000),
	(13, 46, 'view', 1764416483000000),
	(13, 47, 'view', 1760247794000000),
	(13, 52, 'application', 1764416795000000),
	(13, 52, 'click', 1764416285000000),
	(13, 52, 'view', 1764416280000000),
	(13, 72, 'click', 1761648743000000),
	(13, 72, 'view', 1761648727000000),
	(13, 72, 'view', 1763508111000000),
	(13, 76, 'view', 1761648624000000),
	(13, 98, 'view', 1760247874000000),
	(13, 134, 'click', 1764416346000000),
	(13, 134, 'view', 1764416342000000),
	(13, 151, 'view', 1764416672000000),
	(13, 153, 'application', 1743167190000000),
	(13, 153, 'click', 1743166620000000),
	(13, 153, 'view', 1743166606000000),
	(13, 176, 'application', 1743166559000000),
	(13, 176, 'click', 1743166486000000),
	(13, 176, 'view', 1743166475000000),
	(13, 178, 'view', 1764416405000000),
	(13, 187, 'click', 1763557062000000),
	(13, 187, 'view', 1763557056000000),
	(14, 4, 'view', 1764493558000000),
	(14, 5, 'view', 1764493447000000),
	(14, 8, 'view', 1760883482000000),
	(14, 9, 'view', 1750346883000000),
	(14, 9, 'view', 1750678742000000),
	(14, 11, 'application', 1759900417000000),
	(14, 11, 'click', 1759900332000000),
	(14, 11, 'view', 1759900316000000),
	(14, 14, 'click', 1763454325000000);
INSERT INTO public.actions VALUES
	(14, 14, 'view', 1763454317000000),
	(14, 18, 'view', 1763094225000000),
	(14, 27, 'view', 1760825330000000),
	(14, 28, 'application', 1745469772000000),
	(14, 28, 'click', 1739104743000000),
	(14, 28, 'click', 1740464755000000),
	(14, 28, 'click', 1745469481000000),
	(14, 28, 'view', 1739104734000000),
	(14, 28, 'view', 1740268901000000),
	(14, 28, 'view', 1740464739000000),
	(14, 28, 'view', 1744167946000000),
	(14, 28, 'view', 1745469466000000),
	(14, 30, 'view', 1763454145000000),
	(14, 30, 'view', 1763519938000000),
	(14, 30, 'view', 1763600732000000),
	(14, 31, 'view', 1763520165000000),
	(14, 35, 'click', 1750852148000000),
	(14, 35, 'view', 1750346947000000),
	(14, 35, 'view', 1750852137000000),
	(14, 36, 'click', 1763519823000000),
	(14, 36, 'view', 1763519815000000),
	(14, 38, 'view', 1764493483000000),
	(14, 43, 'click', 1760484136000000),
	(14, 43, 'click', 1760825291000000),
	(14, 43, 'view', 1760484129000000),
	(14, 43, 'view', 1760825275000000),
	(14, 44, 'view', 1763600780000000),
	(14, 48, 'application', 1763454380000000),
	(14, 48, 'click', 1761709902000000),
	(14, 48, 'click', 1763094048000000),
	(14, 48, 'click', 1763336444000000),
	(14, 48, 'click', 1763454225000000),
	(14, 48, 'click', 1763519780000000),
	(14, 48, 'click', 1764480819000000),
	(14, 48, 'click', 1764493343000000),
	(14, 48, 'view', 1761709897000000),
	(14, 48, 'view', 1762358498000000),
	(14, 48, 'view', 1762876297000000),
	(14, 48, 'view', 1763094033000000),
	(14, 48, 'view', 1763336440000000),
	(14, 48, 'view', 1763454217000000),
	(14, 48, 'view', 1763519773000000),
	(14, 48, 'view', 1763600607000000),
	(14, 48, 'view', 1763614588000000),
	(14, 48, 'view', 1764480805000000),
	(14, 48, 'view', 1764493333000000),
	(14, 50, 'view', 1763600550000000),
	(14, 56, 'click', 1763336375000000),
	(14, 56, 'click', 1763445572000000),
	(14, 56, 'click', 1763519675000000),
	(14, 56, 'view', 1763093970000000),
	(14, 56, 'view', 1763336367000000),
	(14, 56, 'view', 1763445558000000),
	(14, 56, 'view', 1763519666000000),
	(14, 63, 'view', 1759413738000000),
	(14, 66, 'click', 1763600855000000),
	(14, 66, 'view', 1763600849000000),
	(14, 70, 'view', 1764480950000000),
	(14, 72, 'click', 1763094180000000),
	(14, 72, 'view', 1763094165000000),
	(14, 75, 'application', 1759900576000000),
	(14, 75, 'click', 1759900420000000),
	(14, 75, 'view', 1759900408000000),
	(14, 79, 'view', 1758724362000000),
	(14, 81, 'view', 1744167891000000),
	(14, 84, 'click', 1744167802000000),
	(14, 84, 'view', 1744167797000000),
	(14, 87, 'view', 1763614862000000),
	(14, 90, 'view', 1762358391000000),
	(14, 90, 'view', 1763614802000000),
	(14, 96, 'view', 1760484216000000),
	(14, 99, 'click', 1763520310000000),
	(14, 99, 'view', 1763520293000000),
	(14, 103, 'view', 1764493375000000),
	(14, 108, 'view', 1764480726000000),
	(14, 108, 'view', 1764493181000000),
	(14, 110, 'click', 1764410980000000),
	(14, 110, 'view', 1764410968000000),
	(14, 112, 'application', 1740465176000000),
	(14, 112, 'click', 1740464850000000),
	(14, 112, 'view', 1739104831000000),
	(14, 112, 'view', 1740268974000000),
	(14, 112, 'view', 1740464845000000),
	(14, 114, 'click', 1761362048000000),
	(14, 114, 'click', 1762416233000000),
	(14, 114, 'click', 1763093833000000),
	(14, 114, 'click', 1763519614000000),
	(14, 114, 'click', 1764411054000000),
	(14, 114, 'click', 1764480887000000),
	(14, 114, 'view', 1761362041000000),
	(14, 114, 'view', 1761709810000000),
	(14, 114, 'view', 1762416214000000),
	(14, 114, 'view', 1763093830000000),
	(14, 114, 'view', 1763383131000000),
	(14, 114, 'view', 1763445630000000),
	(14, 114, 'view', 1763454036000000),
	(14, 114, 'view', 1763519605000000),
	(14, 114, 'view', 1763600443000000),
	(14, 114, 'view', 1763614669000000),
	(14, 114, 'view', 1764411048000000);
INSERT INTO public.actions VALUES
	(14, 114, 'view', 1764480873000000),
	(14, 114, 'view', 1764493254000000),
	(14, 115, 'view', 1756464748000000),
	(14, 116, 'click', 1752386962000000),
	(14, 116, 'view', 1752386951000000),
	(14, 116, 'view', 1752813420000000),
	(14, 125, 'click', 1763204383000000),
	(14, 125, 'view', 1763093925000000),
	(14, 125, 'view', 1763204376000000),
	(14, 125, 'view', 1764411102000000),
	(14, 130, 'view', 1763520044000000),
	(14, 130, 'view', 1764493648000000),
	(14, 140, 'view', 1763094113000000),
	(14, 145, 'click', 1758770316000000),
	(14, 145, 'view', 1758724291000000),
	(14, 145, 'view', 1758770302000000),
	(14, 148, 'view', 1763519993000000),
	(14, 151, 'view', 1763454160000000),
	(14, 151, 'view', 1763519854000000),
	(14, 151, 'view', 1763600928000000),
	(14, 151, 'view', 1763614749000000),
	(14, 153, 'view', 1744167982000000),
	(14, 157, 'view', 1762416317000000),
	(14, 171, 'application', 1760825638000000),
	(14, 171, 'click', 1760825194000000),
	(14, 171, 'view', 1760825177000000),
	(14, 179, 'click', 1763600911000000),
	(14, 179, 'view', 1763600904000000),
	(14, 182, 'view', 1760883550000000),
	(14, 182, 'view', 1763520338000000),
	(14, 192, 'application', 1763204613000000),
	(14, 192, 'click', 1763204273000000),
	(14, 192, 'view', 1763204269000000),
	(14, 196, 'view', 1763520241000000),
	(14, 196, 'view', 1763614912000000),
	(14, 198, 'click', 1763600686000000),
	(14, 198, 'view', 1763600669000000),
	(14, 200, 'view', 1763520129000000),
	(15, 2, 'view', 1760854739000000),
	(15, 27, 'view', 1760854690000000),
	(15, 46, 'application', 1764498541000000),
	(15, 46, 'click', 1764498283000000),
	(15, 46, 'view', 1764498269000000),
	(15, 47, 'view', 1760854591000000),
	(15, 106, 'view', 1764498594000000),
	(15, 129, 'view', 1764498767000000),
	(15, 130, 'click', 1764498423000000),
	(15, 130, 'view', 1764498419000000),
	(15, 163, 'view', 1764498697000000),
	(15, 174, 'view', 1764498673000000),
	(15, 177, 'click', 1764498476000000),
	(15, 177, 'view', 1764498472000000),
	(15, 178, 'view', 1764498361000000),
	(15, 186, 'click', 1764498550000000),
	(15, 186, 'view', 1764498542000000),
	(16, 2, 'view', 1759874262000000),
	(16, 25, 'click', 1764513597000000),
	(16, 25, 'view', 1764513594000000),
	(16, 28, 'view', 1744899628000000),
	(16, 65, 'view', 1764513276000000),
	(16, 79, 'view', 1759874188000000),
	(16, 86, 'click', 1764513521000000),
	(16, 86, 'view', 1764513511000000),
	(16, 98, 'view', 1759874113000000),
	(16, 100, 'view', 1764513340000000),
	(16, 174, 'view', 1764513468000000),
	(16, 177, 'click', 1764513200000000),
	(16, 177, 'view', 1764513196000000),
	(16, 179, 'view', 1764513402000000),
	(17, 1, 'view', 1764013098000000),
	(17, 11, 'view', 1764013015000000),
	(17, 19, 'click', 1764012981000000),
	(17, 19, 'view', 1764012972000000),
	(17, 33, 'click', 1764012897000000),
	(17, 33, 'view', 1764012882000000),
	(17, 39, 'view', 1764013259000000),
	(17, 48, 'view', 1764013223000000),
	(17, 72, 'view', 1764013124000000),
	(17, 178, 'click', 1764012827000000),
	(17, 178, 'view', 1764012821000000),
	(18, 3, 'view', 1764304787000000),
	(18, 13, 'view', 1764304649000000),
	(18, 23, 'view', 1763598554000000),
	(18, 29, 'view', 1764262174000000),
	(18, 30, 'click', 1763598238000000),
	(18, 30, 'click', 1764239116000000),
	(18, 30, 'click', 1764262109000000),
	(18, 30, 'click', 1764304233000000),
	(18, 30, 'view', 1763598228000000),
	(18, 30, 'view', 1764239110000000),
	(18, 30, 'view', 1764262094000000),
	(18, 30, 'view', 1764304222000000),
	(18, 36, 'view', 1764304489000000),
	(18, 40, 'click', 1764304544000000),
	(18, 40, 'view', 1764304541000000),
	(18, 44, 'view', 1764304750000000),
	(18, 80, 'click', 1763598598000000),
	(18, 80, 'view', 1763598589000000),
	(18, 80, 'view', 1764304604000000),
	(18, 95, 'click', 1764261994000000);
INSERT INTO public.actions VALUES
	(18, 95, 'view', 1764239072000000),
	(18, 95, 'view', 1764261989000000),
	(18, 108, 'click', 1764590314000000),
	(18, 108, 'view', 1764304325000000),
	(18, 108, 'view', 1764590310000000),
	(18, 110, 'view', 1763598282000000),
	(18, 125, 'view', 1763598738000000),
	(18, 125, 'view', 1764304376000000),
	(18, 130, 'view', 1763598479000000),
	(18, 140, 'click', 1764238933000000),
	(18, 140, 'view', 1763598444000000),
	(18, 140, 'view', 1764238923000000),
	(18, 151, 'view', 1763598369000000),
	(18, 151, 'view', 1764304436000000),
	(18, 153, 'click', 1746815732000000),
	(18, 153, 'view', 1746815729000000),
	(18, 195, 'click', 1763598168000000),
	(18, 195, 'click', 1764239005000000),
	(18, 195, 'click', 1764262173000000),
	(18, 195, 'view', 1763598157000000),
	(18, 195, 'view', 1764238995000000),
	(18, 195, 'view', 1764262157000000),
	(18, 198, 'view', 1763598672000000),
	(19, 1, 'view', 1764395135000000),
	(19, 8, 'view', 1761899795000000),
	(19, 18, 'view', 1763715734000000),
	(19, 22, 'view', 1733632571000000),
	(19, 27, 'view', 1761899774000000),
	(19, 30, 'click', 1763355884000000),
	(19, 30, 'view', 1763355867000000),
	(19, 39, 'view', 1764395238000000),
	(19, 40, 'view', 1764395038000000),
	(19, 48, 'view', 1763355773000000),
	(19, 52, 'view', 1764395080000000),
	(19, 54, 'view', 1733632634000000),
	(19, 56, 'click', 1763355718000000),
	(19, 56, 'view', 1763355710000000),
	(19, 72, 'click', 1761899655000000),
	(19, 72, 'view', 1761899636000000),
	(19, 72, 'view', 1763715825000000),
	(19, 90, 'click', 1764394739000000),
	(19, 90, 'view', 1764394731000000),
	(19, 94, 'click', 1764394807000000),
	(19, 94, 'view', 1764394801000000),
	(19, 108, 'click', 1764394655000000),
	(19, 108, 'view', 1764394650000000),
	(19, 114, 'click', 1761899603000000),
	(19, 114, 'view', 1761899587000000),
	(19, 114, 'view', 1763715995000000),
	(19, 114, 'view', 1764394837000000),
	(19, 140, 'view', 1761899666000000),
	(19, 151, 'click', 1763715885000000),
	(19, 151, 'view', 1763715880000000),
	(19, 154, 'view', 1761899485000000),
	(19, 157, 'view', 1761899857000000),
	(19, 164, 'view', 1763715941000000),
	(19, 166, 'view', 1764394923000000),
	(19, 174, 'click', 1764395263000000),
	(19, 174, 'view', 1764395251000000),
	(19, 199, 'view', 1764394950000000),
	(24, 1, 'view', 1764236187000000),
	(24, 8, 'view', 1764236044000000),
	(24, 27, 'view', 1764235960000000),
	(24, 28, 'view', 1739592650000000),
	(24, 44, 'view', 1764464426000000),
	(24, 56, 'view', 1764464609000000),
	(24, 80, 'view', 1764236136000000),
	(24, 81, 'view', 1744362832000000),
	(24, 95, 'view', 1764464714000000),
	(24, 98, 'view', 1760171442000000),
	(24, 108, 'click', 1764235924000000),
	(24, 108, 'click', 1764464575000000),
	(24, 108, 'view', 1764235907000000),
	(24, 108, 'view', 1764464570000000),
	(24, 110, 'click', 1764235774000000),
	(24, 110, 'view', 1764235761000000),
	(24, 114, 'click', 1764235854000000),
	(24, 114, 'click', 1764464528000000),
	(24, 114, 'view', 1762057623000000),
	(24, 114, 'view', 1764235835000000),
	(24, 114, 'view', 1764464519000000),
	(24, 141, 'click', 1764236006000000),
	(24, 141, 'view', 1764235987000000),
	(24, 154, 'application', 1762057838000000),
	(24, 154, 'click', 1762057601000000),
	(24, 154, 'view', 1762057591000000),
	(24, 157, 'click', 1762057504000000),
	(24, 157, 'view', 1762057486000000),
	(24, 192, 'view', 1764235680000000),
	(25, 1, 'click', 1763958827000000),
	(25, 1, 'view', 1763958816000000),
	(25, 8, 'view', 1763958960000000),
	(25, 27, 'view', 1763959328000000),
	(25, 72, 'view', 1763959248000000),
	(25, 86, 'click', 1763959066000000),
	(25, 86, 'view', 1763959063000000),
	(25, 90, 'view', 1763959203000000),
	(25, 101, 'view', 1763959130000000),
	(25, 146, 'view', 1763958907000000),
	(25, 148, 'click', 1763959005000000);
INSERT INTO public.actions VALUES
	(25, 148, 'view', 1763958996000000),
	(27, 1, 'view', 1763327160000000),
	(27, 36, 'view', 1763327002000000),
	(27, 58, 'click', 1761203100000000),
	(27, 58, 'view', 1761203095000000),
	(27, 70, 'application', 1764233696000000),
	(27, 70, 'click', 1764122280000000),
	(27, 70, 'click', 1764233249000000),
	(27, 70, 'view', 1764122269000000),
	(27, 70, 'view', 1764233238000000),
	(27, 72, 'view', 1761202937000000),
	(27, 72, 'view', 1763327117000000),
	(27, 79, 'view', 1761203006000000),
	(27, 91, 'click', 1763326927000000),
	(27, 91, 'view', 1763326916000000),
	(27, 91, 'view', 1764122334000000),
	(27, 196, 'click', 1763327098000000),
	(27, 196, 'view', 1763327083000000),
	(29, 79, 'click', 1758923464000000),
	(29, 79, 'view', 1758923456000000),
	(29, 145, 'view', 1758923360000000),
	(29, 151, 'click', 1763962757000000),
	(29, 151, 'view', 1763962738000000),
	(30, 101, 'view', 1764098414000000),
	(30, 158, 'click', 1764098487000000),
	(30, 158, 'view', 1764098477000000),
	(30, 174, 'view', 1764098336000000),
	(30, 177, 'click', 1764098259000000),
	(30, 177, 'view', 1764098254000000),
	(31, 1, 'view', 1764336528000000),
	(31, 30, 'view', 1764336327000000),
	(31, 40, 'view', 1764336462000000),
	(31, 57, 'view', 1764336704000000),
	(31, 150, 'click', 1764336613000000),
	(31, 150, 'view', 1764336609000000),
	(31, 165, 'view', 1764336658000000),
	(31, 190, 'view', 1764247271000000),
	(31, 190, 'view', 1764336418000000),
	(31, 200, 'view', 1764336758000000),
	(32, 4, 'application', 1764038944000000),
	(32, 4, 'click', 1764038742000000),
	(32, 4, 'view', 1764038736000000),
	(32, 28, 'view', 1742224667000000),
	(32, 72, 'click', 1761138782000000),
	(32, 72, 'view', 1761138771000000),
	(32, 90, 'click', 1764038782000000),
	(32, 90, 'view', 1764038775000000),
	(32, 121, 'view', 1761138869000000),
	(32, 150, 'view', 1764038633000000),
	(32, 171, 'click', 1761138726000000),
	(32, 171, 'view', 1761138707000000),
	(33, 27, 'click', 1762296656000000),
	(33, 27, 'view', 1762296648000000),
	(33, 28, 'view', 1744892894000000),
	(33, 36, 'click', 1762502085000000),
	(33, 36, 'view', 1762502067000000),
	(33, 72, 'click', 1762502148000000),
	(33, 72, 'view', 1762502143000000),
	(33, 76, 'view', 1762296423000000),
	(33, 76, 'view', 1762502003000000),
	(33, 96, 'click', 1762296499000000),
	(33, 96, 'view', 1762296488000000),
	(33, 96, 'view', 1762502192000000),
	(33, 114, 'view', 1762296707000000),
	(33, 138, 'view', 1762296553000000),
	(33, 148, 'view', 1762296728000000),
	(33, 157, 'click', 1762296801000000),
	(33, 157, 'view', 1762296795000000),
	(34, 96, 'click', 1759671425000000),
	(34, 96, 'view', 1759671410000000),
	(35, 1, 'view', 1764571882000000),
	(35, 8, 'view', 1764572423000000),
	(35, 10, 'view', 1764572046000000),
	(35, 17, 'view', 1764572282000000),
	(35, 30, 'click', 1764515558000000),
	(35, 30, 'view', 1764515553000000),
	(35, 45, 'view', 1764571821000000),
	(35, 95, 'application', 1764572135000000),
	(35, 95, 'click', 1764571961000000),
	(35, 95, 'view', 1764571948000000),
	(35, 129, 'click', 1764572141000000),
	(35, 129, 'view', 1764572129000000),
	(35, 131, 'click', 1764501175000000),
	(35, 131, 'view', 1764501167000000),
	(35, 131, 'view', 1764515406000000),
	(35, 160, 'view', 1764571775000000),
	(35, 167, 'click', 1764571694000000),
	(35, 167, 'view', 1764571677000000),
	(35, 172, 'click', 1764524036000000),
	(35, 172, 'view', 1764524022000000),
	(35, 174, 'view', 1764572175000000),
	(35, 178, 'view', 1764515511000000),
	(35, 178, 'view', 1764571980000000),
	(35, 182, 'view', 1764572222000000),
	(35, 190, 'view', 1764501088000000),
	(35, 190, 'view', 1764515345000000),
	(35, 198, 'click', 1764572357000000),
	(35, 198, 'view', 1764572350000000),
	(38, 133, 'view', 1735294638000000),
	(38, 155, 'view', 1735294702000000);


--
-- Data for Name: current_runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.current_runs VALUES
	('default', '20251205-155729-215-beee85');


--
-- Data for Name: data_changes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.data_changes VALUES
	('jobs', 1),
	('users', 1),
	('actions', 1),
	('occupations', 1),
	('prefectures', 1),
	('prefecture_adjacency', 1),
	('user_factors', 2),
	('job_factors', 2);


--
-- Data for Name: job_factors; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.job_factors VALUES
	(1, '\xb29defa7c64beb3f3f355eba490cdabf83c0caa145b6c3bf3f355eba490cea3f'),
	(2, '\xa4703d0ad7a3e43f1f85eb51b81efb3fb81e85eb51b800c0068195438b6ceb3f'),
	(3, '\x0c022b8716d9debf48e17a14ae47c13f37894160e5d0ea3f8716d9cef753f13f'),
	(4, '\x39b4c876be9ff03fd7a3703d0ad7c33fc3f5285c8fc2f93fe9263108ac1cd2bf'),
	(5, '\x3f355eba490cc2bfc520b0726891e93f6f1283c0caa1e1bf7d3f355eba490140'),
	(6, '\xe7fba9f1d24df03f9cc420b072680140d9cef753e3a59bbf508d976e1283d8bf'),
	(7, '\xc74b37894160c53f85eb51b81e85e73f62105839b4c8e2bf52b81e85eb51d83f'),
	(8, '\x9cc420b0726891bf4260e5d022dbf93f9eefa7c64b37e5bf23dbf97e6abcf03f'),
	(9, '\xcff753e3a59be4bf8d976e1283c0eebfb81e85eb51b8e6bf0ad7a3703d0af3bf'),
	(10, '\xe3a59bc420b0c23fe5d022dbf97ef03fcba145b6f3fdc43f2b8716d9cef7e33f'),
	(11, '\xe9263108ac1cfa3f48e17a14ae47d13ff6285c8fc2f5c83f9a9999999999d1bf'),
	(12, '\xee7c3f355ebaf9bf52b81e85eb51e83f7f6abc749318fcbf4c37894160e5e43f'),
	(13, '\x79e9263108ac8cbfd578e9263108f23f9cc420b07268b1bfbc7493180456eabf'),
	(14, '\xb6f3fdd478e9d63fec51b81e85ebe1bf5eba490c022bc7bf1b2fdd240681a53f'),
	(15, '\x48e17a14ae47c1bffed478e92631c8bf39b4c876be9feabffed478e92631c8bf'),
	(16, '\xb4c876be9f1a01c07f6abc749318c4bf5eba490c022bf3bfec51b81e85ebf13f'),
	(17, '\x52b81e85eb51f43f9eefa7c64b37ffbf8fc2f5285c8fc23f54e3a59bc420c0bf'),
	(18, '\x8d976e1283c0f0bfa01a2fdd2406e13fc520b0726891ddbf7d3f355eba49fcbf'),
	(19, '\x4a0c022b8716d1bf8b6ce7fba9f1c2bf894160e5d022bb3f1904560e2db2f3bf'),
	(20, '\x83c0caa145b6e33f85eb51b81e85e73fbc7493180456f2bf4a0c022b8716e5bf'),
	(21, '\x7b14ae47e17ab4bfe9263108ac1ce2bf8195438b6ce7fb3f39b4c876be9fca3f'),
	(22, '\x931804560e2df0bf9eefa7c64b37e9bfc976be9f1a2fadbf91ed7c3f355e0240'),
	(23, '\x62105839b4c8c6bfa8c64b378941c03fa69bc420b072e03f7b14ae47e17aa4bf'),
	(24, '\x736891ed7c3f0240a01a2fdd2406e1bf022b8716d9cee73f7b14ae47e17ac43f'),
	(25, '\xac1c5a643bdfe33fa245b6f3fdd4f2bf7d3f355eba49fc3f08ac1c5a643bbfbf'),
	(26, '\x9cc420b07268a13fec51b81e85ebedbf5c8fc2f5285ce7bf3f355eba490ce23f'),
	(27, '\x5a643bdf4f8def3f7f6abc749318e83ff2d24d621058f33f0c022b8716d9e63f'),
	(28, '\x79e9263108ac9c3f62105839b4c8ea3f355eba490c02e33f4260e5d022dbb9bf'),
	(29, '\x08ac1c5a643be73ffa7e6abc7493f43f14ae47e17a14ce3f62105839b4c8d6bf'),
	(30, '\x355eba490c02e73fd122dbf97e6afe3f355eba490c02cbbf5a643bdf4f8db7bf'),
	(31, '\x9cc420b07268c1bfc520b0726891f33f3108ac1c5a64fdbf068195438b6cd73f'),
	(32, '\xdf4f8d976e12f33f6abc74931804eabf6de7fba9f1d2f73f1f85eb51b81ee13f'),
	(33, '\xc520b0726891e1bfe9263108ac1cca3f25068195438bf8bfe9263108ac1ce2bf'),
	(34, '\x08ac1c5a643bfd3fcff753e3a59becbf85eb51b81e85fd3fcba145b6f3fdb4bf'),
	(35, '\xd7a3703d0ad7ef3fba490c022b87a63f21b0726891ed01c0bc7493180456e2bf'),
	(36, '\x52b81e85eb51c83fd122dbf97e6af2bf5a643bdf4f8df5bf068195438b6cd73f'),
	(37, '\xf853e3a59bc4e4bf894160e5d022fbbf17d9cef753e3e5bf5a643bdf4f8deb3f'),
	(38, '\xbc7493180456debfec51b81e85ebed3f3bdf4f8d976ef83f4c37894160e5a03f'),
	(39, '\x14ae47e17a14f2bfa245b6f3fdd4f4bf39b4c876be9f9abffed478e92631ec3f'),
	(40, '\x9eefa7c64b37d13f1b2fdd240681e13f273108ac1c5adcbf333333333333d33f'),
	(41, '\xbe9f1a2fdd24debf77be9f1a2fddd4bf79e9263108acf4bff4fdd478e926f9bf'),
	(42, '\x0c022b8716d9debfee7c3f355ebaf1bfe3a59bc420b0eebf46b6f3fdd478e53f'),
	(43, '\x3108ac1c5a64bbbf1d5a643bdf4f07406f1283c0caa1ed3fa8c64b378941e4bf'),
	(44, '\x4c37894160e5e83f0c022b8716d9d63fc1caa145b6f3e5bfd9cef753e3a5f13f'),
	(45, '\xcdcccccccccce8bf105839b4c87608c09cc420b07268e93f5839b4c876bee3bf'),
	(46, '\x2db29defa7c6f73fcdcccccccccce4bf4c37894160e5f2bff853e3a59bc4f83f'),
	(47, '\x333333333333f1bf96438b6ce7fbc93f333333333333f73fc976be9f1a2fbd3f'),
	(48, '\x23dbf97e6abcb4bfe9263108ac1cba3f0c022b8716d9ea3f6de7fba9f1d2e9bf'),
	(49, '\x5a643bdf4f8de33f105839b4c876e23f448b6ce7fba90240c520b0726891d5bf'),
	(50, '\x48e17a14ae47edbf5a643bdf4f8de73f9cc420b07268d9bfe5d022dbf97ed23f'),
	(51, '\xa01a2fdd2406c13fe3a59bc420b0f23fa01a2fdd2406e5bf5a643bdf4f8db7bf'),
	(52, '\xd122dbf97e6a04c07b14ae47e17aecbffa7e6abc7493f83f6de7fba9f1d2e5bf'),
	(53, '\x3bdf4f8d976ee6bfb0726891ed7cf3bf8fc2f5285c8fe23f62105839b4c8c63f'),
	(54, '\xcba145b6f3fdf2bff2d24d621058e53fa4703d0ad7a3d03f54e3a59bc420e83f'),
	(55, '\x508d976e1283e4bf022b8716d9cefb3f3d0ad7a3703dda3fc1caa145b6f3bdbf'),
	(56, '\xcff753e3a59be0bf5c8fc2f5285ccfbfb0726891ed7ceb3f9eefa7c64b37d1bf'),
	(57, '\x736891ed7c3ff13f643bdf4f8d97e23ff0a7c64b3789f53f3f355eba490cea3f'),
	(58, '\x54e3a59bc420b0bf25068195438bfebf894160e5d022d33f736891ed7c3fe93f'),
	(59, '\x77be9f1a2fddc43f986e1283c0cae13f6891ed7c3f35debf52b81e85eb51d8bf'),
	(60, '\xbe9f1a2fdd24eebf986e1283c0caf53fd34d62105839c43fb0726891ed7cdfbf'),
	(61, '\x1d5a643bdf4ff5bf2fdd24068195c3bf4a0c022b8716f73fc520b0726891dd3f'),
	(62, '\x333333333333e7bf77be9f1a2fddf63f77be9f1a2fddf63f3108ac1c5a64ef3f'),
	(63, '\x736891ed7c3fe93fe5d022dbf97ef23fc74b37894160e13fcdcccccccccce83f'),
	(64, '\xf6285c8fc2f5e8bf000000000000f83fc520b0726891cd3ffed478e926310040'),
	(65, '\xbc749318045600c08fc2f5285c8fe63f3108ac1c5a64ef3fc1caa145b6f3d5bf'),
	(66, '\x21b0726891eddc3f560e2db29defe73f105839b4c876e23f48e17a14ae47e1bf'),
	(67, '\x931804560e2dc2bfe7fba9f1d24df03f3bdf4f8d976ef43ff2d24d621058b93f'),
	(68, '\x83c0caa145b6b33f9a9999999999c93fcff753e3a59bf03f77be9f1a2fddf0bf'),
	(69, '\xdd2406819543f5bf5839b4c876bebf3f83c0caa145b6f1bf62105839b4c8e2bf'),
	(70, '\x6abc74931804b63fb6f3fdd478e9de3ff4fdd478e926f1bf448b6ce7fba9e93f'),
	(71, '\xfca9f1d24d62fcbf713d0ad7a370e13f736891ed7c3ff9bf666666666666f4bf'),
	(72, '\x25068195438be43f96438b6ce7fbd9bf46b6f3fdd478e9bf7b14ae47e17adcbf'),
	(73, '\xc3f5285c8fc2dd3fd9cef753e3a5abbf1904560e2db29dbfe17a14ae47e1f03f'),
	(74, '\xb6f3fdd478e9e6bf6891ed7c3f35debf4e62105839b4e0bf4e62105839b4f23f'),
	(75, '\x83c0caa145b6ef3f643bdf4f8d97f43f9cc420b07268a1bf7f6abc749318c4bf'),
	(76, '\xb29defa7c64beb3f9eefa7c64b37d9bf643bdf4f8d97ea3f5eba490c022be73f'),
	(77, '\xbc7493180456e6bf736891ed7c3fb5bf105839b4c876bebfee7c3f355ebafb3f'),
	(78, '\x4e62105839b404409a9999999999b9bf79e9263108ac8c3fa8c64b37894102c0'),
	(79, '\x894160e5d022cb3f79e9263108ac7cbf5eba490c022bf1bff4fdd478e926e93f'),
	(80, '\x75931804560ef9bf85eb51b81e85cbbf986e1283c0cac13f96438b6ce7fbf3bf'),
	(81, '\x068195438b6ceb3f4c37894160e5f03f931804560e2df6bfba490c022b87f6bf'),
	(82, '\xdd2406819543e33fb81e85eb51b89ebfc74b37894160f3bfe17a14ae47e1d2bf'),
	(83, '\xd9cef753e3a5bbbfe7fba9f1d24dc2bf105839b4c876ea3ffa7e6abc7493d83f'),
	(84, '\xe7fba9f1d24dfc3f96438b6ce7fbf53f1904560e2db2e53f08ac1c5a643bf13f'),
	(85, '\xc976be9f1a2ff53f643bdf4f8d97e63f04560e2db29df3bfb0726891ed7ceb3f'),
	(86, '\x3bdf4f8d976eb23f8195438b6ce7f93f022b8716d9ceb73fa245b6f3fdd4e03f'),
	(87, '\x1f85eb51b81ed53f4c37894160e5fa3f0e2db29defa7c63f48e17a14ae47d1bf'),
	(88, '\x2db29defa7c6d33f295c8fc2f528dcbf23dbf97e6abcc43f79e9263108ac7cbf'),
	(89, '\x9cc420b07268d13ff853e3a59bc4fe3f96438b6ce7fbd9bf8b6ce7fba9f1a23f'),
	(90, '\x46b6f3fdd478c9bff0a7c64b3789e53fb6f3fdd478e9f2bf931804560e2de6bf'),
	(91, '\x2b8716d9cef7a3bf46b6f3fdd478e13f5a643bdf4f8da7bf000000000000e0bf'),
	(92, '\x5839b4c876beebbffca9f1d24d62e03fdf4f8d976e12f73f79e9263108acd43f'),
	(93, '\xaaf1d24d6210c83fd122dbf97e6adc3f931804560e2deebf2b8716d9cef7d3bf'),
	(94, '\xf4fdd478e926d1bfe17a14ae47e1d23ffca9f1d24d62a0bfdbf97e6abc74f3bf'),
	(95, '\x000000000000f23fdf4f8d976e12fb3fa245b6f3fdd4d0bff0a7c64b3789d93f'),
	(96, '\x4a0c022b8716d13f1f85eb51b81ee93fae47e17a14aef7bf022b8716d9cef93f'),
	(97, '\xc1caa145b6f3ddbfd34d62105839f43f23dbf97e6abcb43ff6285c8fc2f5d8bf'),
	(98, '\xec51b81e85ebc1bf4e62105839b4ec3f04560e2db29debbf000000000000d8bf'),
	(99, '\x0c022b8716d9debf713d0ad7a370fbbfcdccccccccccf43fba490c022b87e23f'),
	(100, '\x1b2fdd24068195bf39b4c876be9ff23f643bdf4f8d97eebfe3a59bc420b0b2bf');
INSERT INTO public.job_factors VALUES
	(101, '\x9a9999999999fb3f5c8fc2f5285cef3fcdcccccccccc01c00e2db29defa70ac0'),
	(102, '\xcff753e3a59bf0bf60e5d022dbf9f03f6891ed7c3f35debf8195438b6ce7cbbf'),
	(103, '\xdbf97e6abc74e33f52b81e85eb51ecbfdd2406819543cb3ff2d24d621058e93f'),
	(104, '\x17d9cef753e3dd3ff2d24d621058d93fdd2406819543e3bfa69bc420b072e03f'),
	(105, '\x3108ac1c5a64dbbfe17a14ae47e1f43f8fc2f5285c8f0440ae47e17a14aee7bf'),
	(106, '\x66666666666601c0333333333333dbbf54e3a59bc420d83fcdccccccccccf03f'),
	(107, '\xdd2406819543f13f4a0c022b8716e9bfc74b37894160e9bf1283c0caa145f43f'),
	(108, '\x46b6f3fdd478f1bf713d0ad7a370f13f75931804560ecdbf508d976e1283e83f'),
	(109, '\x643bdf4f8d97e63f77be9f1a2fdde83f3d0ad7a3703dea3fd9cef753e3a5efbf'),
	(110, '\xdf4f8d976e12d33f79e9263108ac8c3f83c0caa145b6d33fee7c3f355ebaf33f'),
	(111, '\xf2d24d621058d1bf62105839b4c8e6bfb29defa7c64be7bf8195438b6ce7d3bf'),
	(112, '\x7f6abc749318e83f14ae47e17a14eabf25068195438bf23f8fc2f5285c8fd23f'),
	(113, '\x21b0726891edccbf1d5a643bdf4ff5bf5c8fc2f5285ccf3fe9263108ac1ce63f'),
	(114, '\xa8c64b378941fcbfdf4f8d976e12f33f91ed7c3f355efa3f1904560e2db2d53f'),
	(115, '\xb0726891ed7cdf3f1d5a643bdf4f034083c0caa145b6f33f23dbf97e6abcecbf'),
	(116, '\x9cc420b0726891bf7f6abc749318c4bf8716d9cef753c3bfb6f3fdd478e902c0'),
	(117, '\xd34d62105839e83ffca9f1d24d62e4bfcba145b6f3fdc43f9cc420b07268c1bf'),
	(118, '\xac1c5a643bdfeb3f8b6ce7fba9f1d2bf713d0ad7a370e9bfa01a2fdd2406e13f'),
	(119, '\x7b14ae47e17af63f7b14ae47e17ad4bfec51b81e85ebf53ff853e3a59bc4d03f'),
	(120, '\x75931804560ee1bf666666666666f83f6891ed7c3f35eabfd34d62105839f03f'),
	(121, '\xac1c5a643bdfdfbfcdccccccccccdc3f5839b4c876bef3bf37894160e5d0eabf'),
	(122, '\x0ad7a3703d0af13faaf1d24d6210c83fdbf97e6abc74a33f295c8fc2f528dcbf'),
	(123, '\x25068195438bdc3f273108ac1c5af6bfec51b81e85ebf1bfd34d62105839c4bf'),
	(124, '\xe3a59bc420b0eabf3bdf4f8d976ee6bf3bdf4f8d976eb2bf448b6ce7fba9c1bf'),
	(125, '\x25068195438bccbfa4703d0ad7a3fa3f931804560e2df03fae47e17a14aef33f'),
	(126, '\x79e9263108ac9cbf295c8fc2f528e0bfdd2406819543f7bf1283c0caa145d6bf'),
	(127, '\xe3a59bc420b000c0e3a59bc420b0e2bfa69bc420b072e83fc1caa145b6f3f93f'),
	(128, '\xb6f3fdd478e9ee3f2fdd24068195ebbf5a643bdf4f8ddf3f736891ed7c3fe9bf'),
	(129, '\xbc7493180456ea3fd122dbf97e6abcbfdbf97e6abc74eb3f2fdd240681950440'),
	(130, '\xf0a7c64b3789ed3f0e2db29defa702400e2db29defa7c63f1f85eb51b81ed5bf'),
	(131, '\xf2d24d621058f53f2fdd24068195fb3fc3f5285c8fc2e1bf83c0caa145b6b33f'),
	(132, '\xf6285c8fc2f5f6bf9a9999999999c9bfd122dbf97e6aec3f6abc74931804b6bf'),
	(133, '\x6891ed7c3f35e2bf508d976e1283f6bf5a643bdf4f8dd73ff0a7c64b3789e93f'),
	(134, '\xb4c876be9f1ae33f52b81e85eb51d03ffca9f1d24d62f4bffed478e92631fc3f'),
	(135, '\xc976be9f1a2fadbf8fc2f5285c8fc2bfdbf97e6abc74e73fe7fba9f1d24d01c0'),
	(136, '\xfca9f1d24d62b0bff0a7c64b3789c1bf022b8716d9ced73f5a643bdf4f8df53f'),
	(137, '\x6891ed7c3f35de3f1d5a643bdf4ffdbf1904560e2db2d5bf91ed7c3f355eca3f'),
	(138, '\x37894160e5d0c23fe5d022dbf97ef4bf39b4c876be9ffabfc520b0726891e13f'),
	(139, '\x6abc74931804d63f1b2fdd24068195bf9a9999999999fbbffca9f1d24d62fc3f'),
	(140, '\x33333333333307c0b29defa7c64bd7bfee7c3f355eba00407f6abc749318c4bf'),
	(141, '\x1904560e2db2cd3f77be9f1a2fddf2bf5839b4c876bef53fe3a59bc420b0f4bf'),
	(142, '\xa8c64b378941d03f48e17a14ae47c13f37894160e5d0f0bffca9f1d24d62ec3f'),
	(143, '\x0e2db29defa7f6bf4260e5d022dbe5bf1904560e2db29dbf91ed7c3f355edabf'),
	(144, '\xc1caa145b6f3dd3fc520b0726891ed3f37894160e5d0d2bf1d5a643bdf4fe1bf'),
	(145, '\x25068195438be0bf068195438b6cd7bfec51b81e85ebe93f8195438b6ce7cbbf'),
	(146, '\xe9263108ac1cda3fb29defa7c64bb7bf355eba490c02ebbfd9cef753e3a5eb3f'),
	(147, '\xcff753e3a59bf0bffa7e6abc7493783f986e1283c0caf73fb0726891ed7cf1bf'),
	(148, '\x295c8fc2f528acbf5c8fc2f5285cf9bf7d3f355eba49e0bfec51b81e85ebf7bf'),
	(149, '\x5eba490c022bd7bf9eefa7c64b37e1bf4c37894160e5c03ff2d24d621058f93f'),
	(150, '\xe9263108ac1cd23f75931804560ee53fe9263108ac1caabf5c8fc2f5285ccfbf'),
	(151, '\xe3a59bc420b0eabf37894160e5d0fcbf448b6ce7fba9b13faaf1d24d6210fa3f'),
	(152, '\x105839b4c876de3f4a0c022b8716e1bffca9f1d24d62fa3f83c0caa145b6dbbf'),
	(153, '\x022b8716d9cee3bf9cc420b07268f3bf62105839b4c8eebfb0726891ed7ccfbf'),
	(154, '\x96438b6ce7fbff3f91ed7c3f355ecabf508d976e1283f0bf5c8fc2f5285ce3bf'),
	(155, '\x25068195438bccbf3108ac1c5a64fbbfa8c64b378941c03f3bdf4f8d976ee63f'),
	(156, '\x25068195438bd43f08ac1c5a643be33fa4703d0ad7a3f4bfc976be9f1a2ffbbf'),
	(157, '\xfa7e6abc7493f43f1b2fdd240681f13fa4703d0ad7a3f8bf91ed7c3f355eca3f'),
	(158, '\x39b4c876be9f9a3f713d0ad7a370e13f8d976e1283c0ca3faaf1d24d6210e0bf'),
	(159, '\xf6285c8fc2f5c83f7f6abc749318c43f4a0c022b8716a9bf6f1283c0caa1fdbf'),
	(160, '\xf6285c8fc2f507c048e17a14ae47e9bf295c8fc2f528fabffed478e92631d03f'),
	(161, '\xb6f3fdd478e9e63fa245b6f3fdd4d03fae47e17a14aed7bfec51b81e85ebb13f'),
	(162, '\x79e9263108acf23f8716d9cef753e7bf1b2fdd240681ed3f0e2db29defa7e63f'),
	(163, '\xf853e3a59bc4d03f08ac1c5a643bf73f60e5d022dbf9e6bf931804560e2dee3f'),
	(164, '\xee7c3f355ebaedbf25068195438be8bff6285c8fc2f5f0bf25068195438bdc3f'),
	(165, '\x14ae47e17a14eebf39b4c876be9faa3ffed478e92631f2bf75931804560ef13f'),
	(166, '\xc74b37894160fd3f21b0726891edcc3f7d3f355eba49fa3fc1caa145b6f3e13f'),
	(167, '\x273108ac1c5a01409a9999999999b93f1f85eb51b81ef9bf4260e5d022dbf73f'),
	(168, '\x54e3a59bc420c0bffa7e6abc7493f0bfcba145b6f3fde4bf6abc74931804fabf'),
	(169, '\x1b2fdd240681c5bf894160e5d022f1bf5839b4c876bef73f736891ed7c3fe53f'),
	(170, '\x8fc2f5285c8ffabfbe9f1a2fdd24f8bfbe9f1a2fdd24e2bfcdccccccccccfebf'),
	(171, '\x295c8fc2f528bcbf6abc74931804a6bf23dbf97e6abce8bf46b6f3fdd478e1bf'),
	(172, '\x560e2db29defdf3f8d976e1283c0f63f560e2db29deff73f9cc420b07268a13f'),
	(173, '\x3108ac1c5a64eb3f04560e2db29de7bf91ed7c3f355eda3fb81e85eb51b8eebf'),
	(174, '\x5c8fc2f5285ce73f022b8716d9cef3bfe17a14ae47e1eebffca9f1d24d6280bf'),
	(175, '\x6de7fba9f1d2e13f355eba490c02f7bfc976be9f1a2fe1bf48e17a14ae47c13f'),
	(176, '\x1d5a643bdf4fcd3f0c022b8716d9eabfa245b6f3fdd4b83f4a0c022b8716d1bf'),
	(177, '\x105839b4c876f63f6de7fba9f1d2e13fc976be9f1a2ff5bf04560e2db29d01c0'),
	(178, '\x9a9999999999b93fb6f3fdd478e9f23f1283c0caa145c63fd34d62105839ec3f'),
	(179, '\x0ad7a3703d0adfbf6de7fba9f1d2f5bf2b8716d9cef7e73ff2d24d621058b93f'),
	(180, '\x17d9cef753e3e53fe9263108ac1cf6bfb29defa7c64bc73fd578e9263108e4bf'),
	(181, '\x6de7fba9f1d2e93f643bdf4f8d97e2bf068195438b6ce3bf8d976e1283c0e2bf'),
	(182, '\xd34d62105839f43f1904560e2db29d3f52b81e85eb51e8bf91ed7c3f355ef0bf'),
	(183, '\x4e62105839b4f0bf9cc420b07268f73f0ad7a3703d0afdbf333333333333ebbf'),
	(184, '\xd122dbf97e6ae43f0c022b8716d9f23f8b6ce7fba9f1c2bff4fdd478e926e93f'),
	(185, '\x52b81e85eb51e83f5a643bdf4f8def3f5a643bdf4f8da73f7b14ae47e17afa3f'),
	(186, '\xd9cef753e3a5cb3ff853e3a59bc4f83f8716d9cef753f1bf8d976e1283c0ee3f'),
	(187, '\xc3f5285c8fc2f3bf04560e2db29df7bfcdcccccccccce03f9a9999999999e9bf'),
	(188, '\xba490c022b87de3f39b4c876be9ff0bf3d0ad7a3703dfa3f0ad7a3703d0aa73f'),
	(189, '\x1b2fdd240681f1bfd9cef753e3a5cb3fc520b0726891ed3fdd2406819543e7bf'),
	(190, '\x96438b6ce7fbe13f5839b4c876be004048e17a14ae47ed3f2b8716d9cef7a33f'),
	(191, '\xa4703d0ad7a3e0bf54e3a59bc420e43f068195438b6cf7bf17d9cef753e307c0'),
	(192, '\x04560e2db29de3bfa69bc420b072f0bfcdccccccccccfc3f4a0c022b8716c93f'),
	(193, '\x1904560e2db2edbfae47e17a14aef1bf4260e5d022dbe13f79e9263108ace8bf'),
	(194, '\x4e62105839b4e0bfb81e85eb51b89ebf333333333333c33fcff753e3a59bc43f'),
	(195, '\xb6f3fdd478e9c63f17d9cef753e3f53fe7fba9f1d24dfc3f5c8fc2f5285cf9bf'),
	(196, '\x5eba490c022b054046b6f3fdd478c93f0ad7a3703d0af53fc74b37894160e5bf'),
	(197, '\x9cc420b07268d93f3bdf4f8d976ed23f022b8716d9cec73f6f1283c0caa1ed3f'),
	(198, '\x643bdf4f8d97e63f986e1283c0caedbf6abc74931804a6bf1904560e2db2e93f'),
	(199, '\xfca9f1d24d62e83f4e62105839b4d0bf91ed7c3f355ecabfd34d62105839b4bf'),
	(200, '\x105839b4c876f0bf3108ac1c5a64f3bf52b81e85eb51fa3f7b14ae47e17ad4bf');


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.jobs VALUES
	(1, 'C0000006', '株式会社双葉ケア', '夜勤介護スタート応援!学生さん大歓迎☆御代志駅', '43', '43216', '御代志駅', '熊本県合志市青葉4-18-6', 'hourly', 1350, 1650, 800, 1004, 2, false, true, true, false, 1762088810000000, 1767272810000000, true, NULL),
	(2, 'C0000009', '株式会社日の出プラスデザイン', '【リモート可】金山駅!Webデザイナー', '23', '23100', '金山駅', '愛知県名古屋市泉町2-13-20', 'daily', 12000, 13000, 0, 901, 3, false, true, false, true, NULL, 1760888606000000, true, NULL),
	(3, 'C0000003', '株式会社グリーン新学園', '【土日祝休み】熊谷駅!保育補助', '11', '11202', '熊谷駅', NULL, 'hourly', 1400, 1600, 500, 1202, 4, false, false, false, false, 1763991468000000, 1770471468000000, true, NULL),
	(4, 'C0000011', '株式会社光洋ジャパンビルサービス', '未経験OK◎交通誘導警備（浦安駅）', '12', '12227', '浦安駅', '千葉県浦安市本町1-19-1', 'hourly', 1150, 1400, 800, 1504, 2, false, true, false, false, 1763559315000000, 1765373715000000, true, NULL),
	(5, 'C0000003', '株式会社グリーン新学園', '保育補助＜学生さん大歓迎＞＜1日4h〜＞', '11', '11222', '越谷駅', '埼玉県越谷市宮前4-18-5', 'hourly', 1400, 1700, 1200, 1202, 1, false, false, true, false, 1762752784000000, 1765344784000000, true, NULL),
	(6, 'C0000011', '株式会社光洋ジャパンビルサービス', '【学生さん大歓迎】本厚木駅チカ!幼稚園教諭', '14', '14212', '本厚木駅', '神奈川県厚木市青葉6-12-6', 'hourly', 1650, 1850, 1200, 1203, 4, false, false, true, false, 1764478902000000, 1768107702000000, true, NULL),
	(7, 'C0000015', '日の出ロジスティクス株式会社', '梱包スタッフ/経験不問/豊中駅', '27', '27203', '豊中駅', '大阪府豊中市松原6-12-13', 'daily', 11000, 15000, 4000, 303, 2, false, true, NULL, false, 1763458070000000, 1765877270000000, false, NULL),
	(8, 'C0000015', '日の出ロジスティクス株式会社', '仕分けスタッフ【豊中市】短期', '27', '27203', '千里中央駅', '大阪府豊中市花園2-20-10', 'hourly', 1330, 1880, 2000, 302, 2, false, true, false, false, 1760710018000000, 1764598018000000, true, NULL),
	(9, 'C0000009', '株式会社日の出プラスデザイン', '《短時間OK》土日祝休みのキッチンスタッフ', '23', '23100', '伏見駅', '愛知県名古屋市北町4-27-4', 'monthly', 190000, 250000, 700, 105, 5, false, false, false, false, 1749528182000000, 1751947382000000, true, NULL),
	(10, 'C0000009', '株式会社日の出プラスデザイン', '[未経験歓迎×扶養内OK]松本市グラフィックデザイナー', '20', '20202', '松本駅', '長野県松本市北町5-14-2', 'hourly', 1590, 2060, 1200, 902, 1, false, true, false, false, 1764185801000000, 1769369801000000, true, NULL),
	(11, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '初心者大歓迎◎コールセンター受信（小杉駅）', '16', '16211', '小杉駅', '富山県射水市駅前4-10-10', 'hourly', 1200, NULL, 0, 601, 4, false, true, false, false, 1759211227000000, 1764395227000000, false, NULL),
	(12, 'C0000001', '株式会社あおぞら総合ビジネスサポート', 'データ入力＜土日祝休み＞＜シフト自由＞', '11', '11203', '西川口駅', NULL, 'hourly', 1210, NULL, 1000, 506, 2, false, true, false, false, 1761751293000000, 1764170493000000, true, NULL),
	(13, 'C0000003', '株式会社グリーン新学園', '＼制服貸与／学童スタッフ@上尾駅', '11', '11219', '上尾駅', '埼玉県上尾市中央5-17-3', 'hourly', 1250, NULL, 500, 1204, 1, false, false, false, false, 1764065719000000, 1765275319000000, true, NULL),
	(14, 'C0000006', '株式会社双葉ケア', '倉庫内ピッキング【鹿児島市】車通勤OK', '46', '46201', '鹿児島中央駅', '鹿児島県鹿児島市元町1-13-18', 'hourly', 1300, 1370, 800, 301, 1, false, true, true, false, 1762214656000000, 1769990656000000, true, NULL),
	(15, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '《ブランクOK》未経験歓迎の食品製造', '11', '11223', '蕨駅', '埼玉県蕨市日の出町3-8-13', 'hourly', 1280, NULL, 1200, 402, 1, false, true, NULL, NULL, 1736185409000000, 1738604609000000, true, NULL),
	(16, 'C0000009', '株式会社日の出プラスデザイン', '《短時間OK》短時間OKのWebデザイナー', '23', '23210', '刈谷駅', '愛知県刈谷市旭町2-14-10', 'hourly', 1900, 2700, 1000, 901, 2, false, true, false, true, 1764549880000000, 1767141880000000, true, NULL),
	(17, 'C0000009', '株式会社日の出プラスデザイン', '【社員登用あり】豊川市!Webデザイナー', NULL, '23207', NULL, '愛知県豊川市南町6-4-7', 'monthly', 250000, 340000, 1000, 901, 5, false, false, false, false, 1763542436000000, 1768726436000000, true, NULL),
	(18, 'C0000013', '株式会社オリーブ新学園', '【学生さん大歓迎】枚方市駅!塾講師', '27', '27210', '枚方市駅', NULL, 'hourly', 1950, 2100, 1500, 1206, 2, false, false, true, false, 1762434176000000, 1764853376000000, true, NULL),
	(19, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '《オープニング》即日払いOKのコールセンター受信', '04', '04203', '本塩釜駅', '宮城県塩竈市緑町1-11-4', 'hourly', 1500, NULL, 3000, 601, 1, true, true, false, false, 1761716744000000, 1766900744000000, true, NULL),
	(20, 'C0000011', '株式会社光洋ジャパンビルサービス', '＼未経験OK／客室清掃@稲毛駅', '12', '12100', '稲毛駅', '千葉県千葉市桜町3-13-18', 'hourly', 1150, 1520, 1000, 1502, 2, false, true, false, false, 1764554989000000, 1768183789000000, true, NULL),
	(21, 'C0000003', '株式会社グリーン新学園', '保育士＜初心者大歓迎＞＜残業なし＞', '11', '11100', NULL, '埼玉県さいたま市旭町1-19-4', 'hourly', 1400, NULL, 700, 1201, 1, false, true, true, false, 1764066989000000, 1765276589000000, true, NULL),
	(22, 'C0000011', '株式会社光洋ジャパンビルサービス', '【副業OK】本八幡駅チカ!仕分けスタッフ', '12', '12203', '本八幡駅', '千葉県市川市末広3-9-2', 'monthly', 190000, 220000, 0, 302, 3, false, false, false, false, 1733104984000000, 1735524184000000, true, NULL),
	(23, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '[未経験OK×制服貸与]北上市介護送迎ドライバー', '03', '03206', NULL, '岩手県北上市花園1-15-8', 'hourly', 1230, 1730, 1000, 1009, 1, false, true, false, false, 1762896713000000, 1768080713000000, true, NULL),
	(24, 'C0000014', 'ライフ総合コミュニケーションズ株式会社', 'いわき市で営業事務募集♪経験不問', '07', '07204', NULL, '福島県いわき市駅前2-17-8', 'hourly', 1330, 1430, 1500, 502, 2, false, true, false, false, 1731430348000000, 1733849548000000, true, NULL),
	(25, 'C0000012', '三栄ジャパンビルサービス株式会社', 'コールセンター発信スタート応援!高校生OK☆横浜市', '14', '14100', NULL, '神奈川県横浜市青葉3-23-2', 'hourly', 1700, 2000, 1000, 602, 1, false, true, true, false, 1764359027000000, 1766778227000000, true, NULL),
	(26, 'C0000006', '株式会社双葉ケア', '《社員登用あり》社員登用ありの障がい者支援', '46', '46201', '谷山駅', '鹿児島県鹿児島市青葉3-27-11', 'hourly', 1290, 1600, 700, 1008, 4, false, false, false, false, 1764172289000000, 1766764289000000, true, NULL),
	(27, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '医療事務スタート応援!土日のみOK☆東川口駅', '11', '11203', '東川口駅', '埼玉県川口市緑町2-4-17', 'hourly', 1080, 1440, 1500, 510, 1, false, NULL, false, false, 1760710832000000, 1768486832000000, true, NULL),
	(28, 'C0000005', '株式会社さくら新リテール', '雑貨販売【さいたま市】残業なし', '11', '11100', '浦和駅', '埼玉県さいたま市若葉町3-4-3', 'hourly', 1190, 1540, 2000, 205, 4, false, true, false, false, 1738446476000000, 1746222476000000, true, NULL),
	(29, 'C0000011', '株式会社光洋ジャパンビルサービス', 'ビル清掃＜初心者大歓迎＞＜土日祝休み＞', '12', '12100', NULL, '千葉県千葉市旭町1-25-6', 'hourly', 1300, 1680, 0, 1501, 1, false, true, true, false, 1764229649000000, 1769413649000000, true, NULL),
	(30, 'C0000012', '三栄ジャパンビルサービス株式会社', '＼未経験OK／交通誘導警備@横浜駅', '14', '14100', '横浜駅', '神奈川県横浜市松原1-18-5', 'hourly', 1350, 1500, 1500, 1504, 2, false, true, false, false, 1762608371000000, 1765027571000000, true, NULL),
	(31, 'C0000013', '株式会社オリーブ新学園', 'コールセンター受信/急募/宝塚駅', '28', '28214', '宝塚駅', '兵庫県宝塚市富士見1-18-17', 'monthly', 210000, 250000, 1200, 601, 5, false, false, false, false, 1763421489000000, NULL, true, NULL),
	(32, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '《駅チカ》学生さん大歓迎のテクニカルサポート', '04', '04100', '長町駅', '宮城県仙台市青葉2-19-16', 'hourly', 1440, NULL, 2500, 603, 1, false, false, true, false, 1758387867000000, 1759597467000000, true, NULL),
	(33, 'C0000014', 'ライフ総合コミュニケーションズ株式会社', '【日払い可】新潟駅!スーパーバイザー', '15', '15100', '新潟駅', '新潟県新潟市中央1-25-20', 'hourly', 1620, 1970, 2000, 606, 1, true, true, false, true, 1763987491000000, 1771763491000000, true, NULL),
	(34, 'C0000015', '日の出ロジスティクス株式会社', '《ミドル活躍中》即日払いOKの倉庫内ピッキング', '27', '27140', '堺駅', NULL, 'daily', 10500, 13000, 1200, 301, NULL, true, false, false, false, 1765009702000000, 1772785702000000, true, NULL),
	(35, 'C0000016', 'あおぞらアドバンスリテール株式会社', '[高校生OK×短期]福岡市スーパーレジ', '40', '40130', '大橋駅', '福岡県福岡市本町5-11-19', 'hourly', 1130, NULL, 8000, 202, 1, false, false, true, false, 1749041576000000, 1754225576000000, true, NULL),
	(36, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '一般事務/初心者大歓迎/越谷レイクタウン駅', '11', '11222', '越谷レイクタウン駅', NULL, 'hourly', 1200, 1700, 2000, 501, 2, false, true, false, true, 1762390425000000, 1767574425000000, true, NULL),
	(37, 'C0000011', '株式会社光洋ジャパンビルサービス', '【経験不問】上尾市!施設警備', '11', '11219', NULL, '埼玉県上尾市東町4-1-19', 'hourly', 1141, 1550, 300, 1505, 2, false, true, false, false, 1763576457000000, 1765390857000000, true, NULL),
	(38, 'C0000011', '株式会社光洋ジャパンビルサービス', 'ビル清掃＜初心者大歓迎＞＜土日祝休み＞', '12', '12204', NULL, '千葉県船橋市大手町4-9-12', 'hourly', 1260, NULL, 300, 1501, 1, false, true, true, false, 1764339502000000, 1766931502000000, true, NULL),
	(39, 'C0000006', '株式会社双葉ケア', '＼扶養内OK／ケアマネジャー@鹿児島市', '46', '46201', NULL, NULL, 'monthly', 260000, 310000, 1000, 1006, 5, NULL, false, false, false, 1762263619000000, 1765892419000000, true, NULL),
	(40, 'C0000003', '株式会社グリーン新学園', '【研修充実】甲府駅!ベビーシッター', '19', '19201', '甲府駅', '山梨県甲府市新町2-1-7', 'hourly', 1350, 1550, 1500, 1205, 1, NULL, false, false, false, 1764267783000000, 1769451783000000, true, NULL),
	(41, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【未経験歓迎】泉中央駅チカ!コールセンター発信', '04', '04100', '泉中央駅', '宮城県仙台市桜町2-8-19', 'hourly', 1350, NULL, 5000, 602, 1, false, true, true, false, 1764424571000000, 1770904571000000, true, NULL),
	(42, 'C0000011', '株式会社光洋ジャパンビルサービス', '古河市でビル清掃募集♪経験不問', '08', '08204', '古河駅', '茨城県古河市南町1-20-7', 'hourly', 1080, 1210, 500, 1501, 4, false, true, false, false, 1764581183000000, 1765790783000000, true, NULL),
	(43, 'C0000002', '大和新ロジスティクス株式会社', '川口市で印刷スタッフ募集♪即日払いOK', '11', '11203', '川口駅', '埼玉県川口市北町5-28-8', 'hourly', NULL, 1700, 1000, 409, 1, true, false, false, false, 1760338071000000, 1762930071000000, true, NULL),
	(44, 'C0000003', '株式会社グリーン新学園', 'インストラクタースタート応援!ブランクOK☆上尾駅', '11', NULL, '上尾駅', NULL, 'hourly', 1620, 2040, 0, 1208, 2, false, false, false, false, 1763494986000000, 1767123786000000, true, NULL),
	(45, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【未経験OK】長町駅!テクニカルサポート', '04', '04100', '長町駅', '宮城県仙台市松原5-4-19', 'hourly', 1580, NULL, 4000, 603, 1, false, true, true, false, 1764041843000000, 1767929843000000, true, NULL),
	(46, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '高校生OK◎コールセンター受信（会津若松駅）', '07', '07202', '会津若松駅', '福島県会津若松市元町6-19-7', 'hourly', 1330, 1880, 3000, 601, 1, true, true, true, false, 1764011724000000, 1767640524000000, true, NULL),
	(47, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'コールセンター受信スタート応援!フルリモート☆蛇田駅', '04', '04202', '蛇田駅', '宮城県石巻市富士見1-10-15', 'hourly', 1210, 1740, 5000, 601, 3, false, true, false, true, 1760186496000000, 1763815296000000, true, NULL),
	(48, 'C0000008', 'なごみジャパンビルサービス株式会社', 'ビル清掃【江東区】車通勤OK', '13', '13108', '亀戸駅', '東京都江東区桜町5-9-8', 'hourly', 1450, 1750, 1500, 1501, 4, true, false, false, false, 1761538526000000, 1768018526000000, true, NULL),
	(49, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '中型トラック/夜勤/高岡駅', '16', '16202', '高岡駅', '富山県高岡市大手町3-19-19', 'hourly', 1690, 2310, 300, 1302, 1, false, false, NULL, false, 1760845976000000, 1762055576000000, true, NULL),
	(50, 'C0000003', '株式会社グリーン新学園', '《ブランクOK》WEB面接OKの洗い場スタッフ', '11', '11230', '新座駅', '埼玉県新座市駅前6-7-16', 'monthly', 190000, 270000, 300, 110, 5, false, true, false, false, 1762925020000000, 1766553820000000, true, NULL),
	(51, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', 'コールセンター受信＜学生さん大歓迎＞＜交通費支給＞', NULL, '16211', '小杉駅', '富山県射水市旭町2-10-9', 'monthly', 200000, 290000, 1200, 601, 5, false, false, true, false, 1764214471000000, 1766806471000000, true, NULL),
	(52, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'コールセンター発信【秋田市】履歴書不要', '05', '05201', NULL, '秋田県秋田市駅前3-3-5', 'hourly', 1250, NULL, 2000, 602, 1, true, true, true, true, 1764275744000000, 1766867744000000, true, NULL),
	(53, 'C0000015', '日の出ロジスティクス株式会社', '＼学生歓迎／棚卸しスタッフ@布施駅', '27', '27227', '布施駅', '大阪府東大阪市元町6-22-3', 'hourly', 1240, NULL, 800, 310, 1, true, true, true, false, 1759786978000000, 1762206178000000, true, NULL),
	(54, 'C0000015', '日の出ロジスティクス株式会社', '＼高校生OK／洗い場スタッフ@本町駅', '27', '27100', '本町駅', '大阪府大阪市駅前3-7-8', 'hourly', 1200, NULL, 500, 110, 1, false, true, NULL, false, 1732347613000000, 1734939613000000, true, NULL),
	(55, 'C0000009', '株式会社日の出プラスデザイン', '土木作業員【岡崎市】オープニング', '23', '23202', NULL, NULL, 'hourly', 1650, NULL, NULL, 1402, 1, true, false, false, false, 1763678495000000, 1768862495000000, true, NULL),
	(56, 'C0000008', 'なごみジャパンビルサービス株式会社', '[大学生活躍中×履歴書不要]江戸川区ビル清掃', '13', '13123', '葛西駅', NULL, 'daily', 12000, 15000, 0, 1501, 3, false, false, true, false, 1763090135000000, 1766718935000000, true, NULL),
	(57, 'C0000011', '株式会社光洋ジャパンビルサービス', 'イベント警備スタート応援!初心者大歓迎☆松戸駅', '12', '12207', '松戸駅', '千葉県松戸市松原1-24-10', 'monthly', 210000, 290000, 3000, 1506, 3, false, true, false, false, 1763349558000000, NULL, true, NULL),
	(58, 'C0000015', '日の出ロジスティクス株式会社', '倉庫内ピッキング/高校生OK/千里中央駅', '27', NULL, '千里中央駅', '大阪府豊中市新町4-14-1', 'hourly', 1350, NULL, 2000, 301, 1, true, true, true, false, 1761165774000000, 1763757774000000, true, NULL),
	(59, 'C0000013', '株式会社オリーブ新学園', '【経験不問】六甲道駅!インストラクター', '28', '28100', '六甲道駅', '兵庫県神戸市栄町1-25-11', 'monthly', 240000, 260000, 2000, 1208, 5, false, true, false, false, 1764519838000000, 1766939038000000, true, NULL),
	(60, 'C0000016', 'あおぞらアドバンスリテール株式会社', '書店スタッフ/1日4h〜/西鉄久留米駅', '40', '40203', '西鉄久留米駅', '福岡県久留米市富士見6-16-12', 'hourly', 1100, NULL, 4000, 209, 1, false, true, true, true, 1764508380000000, 1765717980000000, true, NULL),
	(61, 'C0000009', '株式会社日の出プラスデザイン', 'Webディレクター＜未経験OK＞＜土日祝休み＞', '23', '23100', '栄駅', '愛知県名古屋市富士見3-5-10', 'hourly', 1890, NULL, 300, 906, 2, false, true, false, false, 1764536298000000, 1772312298000000, true, NULL),
	(62, 'C0000013', '株式会社オリーブ新学園', 'データ入力【西宮市】髪色自由', '28', '28204', '西宮北口駅', '兵庫県西宮市北町5-18-4', 'monthly', 210000, NULL, 1200, 506, 3, false, true, false, false, 1764281590000000, 1768169590000000, true, NULL),
	(63, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '《週2日〜OK》初心者大歓迎のスーパーバイザー', '16', '16211', '小杉駅', '富山県射水市富士見4-4-16', 'hourly', 1470, 2050, 300, 606, NULL, false, true, false, false, 1758642828000000, 1759852428000000, true, NULL),
	(64, 'C0000006', '株式会社双葉ケア', 'フォークリフト【薩摩川内市】土日のみOK', '46', '46215', '川内駅', '鹿児島県薩摩川内市大手町1-28-19', 'hourly', 1270, NULL, 800, 307, 1, false, true, false, false, 1736497261000000, 1737706861000000, true, NULL),
	(65, 'C0000016', 'あおぞらアドバンスリテール株式会社', '＼1日4h〜／デイサービス@八幡駅', '40', '40100', '八幡駅', '福岡県北九州市栄町6-4-8', 'hourly', 1080, 1390, NULL, 1003, 1, false, false, false, false, 1764349334000000, 1766768534000000, true, NULL),
	(66, 'C0000011', '株式会社光洋ジャパンビルサービス', '客室清掃/週3日〜/船橋駅', '12', '12204', '船橋駅', '千葉県船橋市西町2-1-5', 'hourly', 1200, NULL, 0, 1502, NULL, true, true, false, false, 1762534117000000, 1765126117000000, true, NULL),
	(67, 'C0000011', '株式会社光洋ジャパンビルサービス', '【夜勤】野田市駅!客室清掃', '12', '12208', '野田市駅', '千葉県野田市日の出町3-18-6', 'hourly', 1300, 1500, NULL, 1502, 1, true, true, false, false, 1764660703000000, 1772436703000000, true, NULL),
	(68, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '[制服貸与×高時給]さいたま市人事アシスタント', '11', '11100', '北浦和駅', '埼玉県さいたま市泉町4-16-1', 'daily', 12000, 15500, 2000, 505, 1, false, false, false, false, 1764389366000000, 1768018166000000, true, NULL),
	(69, 'C0000009', '株式会社日の出プラスデザイン', '[交通費支給×短期]小牧市Webデザイナー', '23', '23219', '小牧駅', '愛知県小牧市緑町6-15-7', 'monthly', 280000, NULL, 0, 901, 3, false, false, false, false, 1764285828000000, 1769469828000000, true, NULL),
	(70, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'カスタマーサポート/オープニング/福島駅', '07', '07201', '福島駅', '福島県福島市南町6-22-10', 'monthly', 200000, NULL, 1000, 604, 4, true, true, true, false, 1763968360000000, 1765177960000000, true, NULL),
	(71, 'C0000009', '株式会社日の出プラスデザイン', '名古屋市でWebディレクター募集♪経験不問', '23', '23100', '名古屋駅', '愛知県名古屋市緑町3-11-6', 'hourly', 2100, NULL, 1500, 906, 1, false, true, false, false, NULL, 1769434684000000, true, NULL),
	(72, 'C0000003', '株式会社グリーン新学園', '幼稚園教諭【春日部市】週2日〜OK', '11', '11214', NULL, '埼玉県春日部市青葉6-24-8', 'hourly', 1400, NULL, 0, 1203, 2, false, true, false, false, 1760866857000000, 1768642857000000, true, NULL),
	(73, 'C0000015', '日の出ロジスティクス株式会社', '【高校生OK】大阪駅!倉庫内ピッキング', '27', '27100', '大阪駅', '大阪府大阪市日の出町1-21-1', 'hourly', 1350, 1900, 500, 301, 1, false, true, true, false, 1763131696000000, 1767019696000000, true, NULL),
	(74, 'C0000016', 'あおぞらアドバンスリテール株式会社', '家電販売【熊本市】ミドル活躍中', '43', '43100', '上熊本駅', '熊本県熊本市幸町6-23-6', 'hourly', 1100, 1170, 1000, 207, 1, false, true, true, false, 1749421522000000, 1753050322000000, true, NULL),
	(75, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'コールセンター発信＜初心者大歓迎＞＜夜勤＞', '04', '04100', '勾当台公園駅', NULL, 'hourly', 1270, 1360, 1500, 602, 1, false, true, false, false, 1757784103000000, 1760203303000000, true, NULL),
	(76, 'C0000009', '株式会社日の出プラスデザイン', '【未経験歓迎】名古屋駅チカ!品出しスタッフ', '23', '23100', '名古屋駅', '愛知県名古屋市泉町3-19-18', 'hourly', 1450, 1950, 500, 203, 1, false, true, false, false, 1761332463000000, 1763146863000000, true, NULL),
	(77, 'C0000003', '株式会社グリーン新学園', '[制服貸与×急募]川口市保育士', '11', '11203', NULL, '埼玉県川口市日の出町6-23-3', 'hourly', 1460, 2030, 2500, NULL, 1, false, false, false, false, 1764560226000000, 1767152226000000, true, NULL),
	(78, 'C0000008', 'なごみジャパンビルサービス株式会社', '＼経験不問／テーマパークスタッフ@川口駅', '11', '11203', '川口駅', '埼玉県川口市旭町5-25-11', 'hourly', 1290, 1590, 500, 1709, 5, false, true, false, false, 1764348485000000, 1766940485000000, true, NULL),
	(79, 'C0000003', '株式会社グリーン新学園', '[未経験OK×主婦(夫)活躍中]成田市スーパーレジ', '12', '12211', '成田駅', NULL, 'daily', 10000, 12000, 700, 202, 1, false, true, true, false, 1755449818000000, NULL, true, NULL),
	(80, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '勾当台公園駅のプログラマー★フルリモート・副業OK', '04', '04100', '勾当台公園駅', '宮城県仙台市東町2-19-15', 'hourly', 2050, 2680, 2000, 801, 3, false, false, false, true, 1762420654000000, 1765012654000000, true, NULL),
	(81, 'C0000008', 'なごみジャパンビルサービス株式会社', '施設警備【品川区】制服貸与', '13', '13109', '大井町駅', '東京都品川区新町4-18-13', 'hourly', 1420, 1560, 500, 1505, 2, false, true, false, false, 1742500286000000, 1744919486000000, true, NULL),
	(82, 'C0000011', '株式会社光洋ジャパンビルサービス', '客室清掃＜初心者大歓迎＞＜駅チカ＞', '12', '12216', '京成津田沼駅', '千葉県習志野市松原4-1-11', 'hourly', 1140, 1190, 700, NULL, 1, false, true, false, false, 1763689936000000, NULL, true, NULL),
	(83, 'C0000006', '株式会社双葉ケア', '登録販売者＜1日4h〜＞＜髪色自由＞', '46', '46201', '谷山駅', '鹿児島県鹿児島市栄町1-4-19', 'hourly', 1300, 1900, 0, 1107, 2, false, true, false, false, 1763913101000000, 1766332301000000, true, NULL),
	(84, 'C0000012', '三栄ジャパンビルサービス株式会社', '[初心者大歓迎×残業なし]武蔵野市設備管理', '13', '13203', '吉祥寺駅', '東京都武蔵野市若葉町3-23-5', 'hourly', 1380, NULL, 2000, 1507, 2, false, true, false, false, 1741482191000000, 1745110991000000, true, NULL),
	(85, 'C0000006', '株式会社双葉ケア', '訪問介護スタート応援!制服貸与☆宮崎駅', '45', '45201', '宮崎駅', '宮崎県宮崎市南町2-22-1', 'hourly', 1650, NULL, 1000, 1002, 1, false, false, false, false, 1764206295000000, 1767835095000000, true, NULL),
	(86, 'C0000016', 'あおぞらアドバンスリテール株式会社', '初心者大歓迎◎アパレル販売（別府駅）', '44', '44202', '別府駅', '大分県別府市松原6-6-4', 'hourly', 954, 1090, 300, 204, 4, false, true, false, false, 1763910868000000, 1769094868000000, true, NULL),
	(87, 'C0000011', '株式会社光洋ジャパンビルサービス', 'Webエンジニア【柏市】車通勤OK', '12', '12217', '柏駅', '千葉県柏市花園2-15-7', 'monthly', NULL, 490000, 4000, 804, 3, false, false, false, true, 1762851765000000, 1764061365000000, true, NULL),
	(88, 'C0000009', '株式会社日の出プラスデザイン', '未経験OK◎バス運転士（春日井駅）', '23', '23206', '春日井駅', '愛知県春日井市花園6-5-9', 'hourly', 1540, 2090, 300, 1305, 1, false, true, false, false, 1741788625000000, 1744380625000000, true, NULL),
	(89, 'C0000011', '株式会社光洋ジャパンビルサービス', '交通誘導警備スタート応援!シフト自由☆松戸市', '12', '12207', NULL, '千葉県松戸市松原6-2-10', 'hourly', 1250, 1500, 500, 1504, 2, false, true, false, false, 1764561010000000, 1765770610000000, true, NULL),
	(90, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '副業OK◎総務（大宮駅）', '11', '11100', '大宮駅', '埼玉県さいたま市花園1-22-20', 'hourly', 1600, 2000, 700, 504, 2, false, false, false, false, 1762072805000000, 1764664805000000, true, NULL),
	(91, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '受付スタート応援!ミドル活躍中☆佐野市', '09', '09204', NULL, '栃木県佐野市青葉6-22-11', 'hourly', 1068, 1310, 500, 507, 1, false, true, false, false, 1763026843000000, 1765446043000000, true, NULL),
	(92, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【急募】仙台駅チカ!カスタマーサポート', '04', '04100', '仙台駅', '宮城県仙台市若葉町6-5-4', 'hourly', 1440, 1890, 1500, 604, 1, false, true, true, false, 1764189197000000, 1766003597000000, true, NULL),
	(93, 'C0000015', '日の出ロジスティクス株式会社', '梅田駅の郵便物区分★経験不問・副業OK', '27', NULL, '梅田駅', '大阪府大阪市桜町6-11-11', 'hourly', 1320, NULL, 800, 311, 2, true, true, false, NULL, 1763706581000000, 1766298581000000, true, NULL),
	(94, 'C0000011', '株式会社光洋ジャパンビルサービス', '《短時間OK》制服貸与のスポーツジムスタッフ', '12', '12227', '浦安駅', '千葉県浦安市栄町1-18-2', 'monthly', 210000, NULL, 500, 1710, NULL, false, false, false, false, 1764194367000000, 1766008767000000, true, NULL),
	(95, 'C0000012', '三栄ジャパンビルサービス株式会社', '【車通勤OK】鎌倉駅!人事アシスタント', '14', '14204', '鎌倉駅', '神奈川県鎌倉市幸町2-27-6', 'hourly', 1660, 2290, 1500, 505, 1, false, NULL, false, false, 1764132173000000, 1766551373000000, true, NULL),
	(96, 'C0000010', '株式会社旭パートナーフーズ', '【高校生OK】上田駅!弁当・惣菜調理', '20', '20203', '上田駅', NULL, 'hourly', 1050, 1300, 300, 112, 1, false, false, true, false, 1759055112000000, 1762943112000000, true, NULL),
	(97, 'C0000006', '株式会社双葉ケア', '《週2日〜OK》未経験歓迎のカスタマーサポート', '46', '46201', '天文館通駅', '鹿児島県鹿児島市中央2-17-1', 'hourly', NULL, 1550, 500, 604, 3, false, true, false, false, 1764340161000000, 1770820161000000, true, NULL),
	(98, 'C0000015', '日の出ロジスティクス株式会社', '家電販売【枚方市】履歴書不要', '27', '27210', '枚方市駅', '大阪府枚方市栄町3-25-9', 'monthly', 250000, 300000, 1500, 207, 5, false, true, false, false, 1759094902000000, 1760304502000000, true, NULL),
	(99, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '＼高校生OK／テレフォンアポインター@富山駅', '16', '16201', '富山駅', '富山県富山市東町3-20-19', 'hourly', 1400, 1950, 0, 605, 2, false, true, NULL, false, 1762508763000000, 1767692763000000, true, NULL),
	(100, 'C0000016', 'あおぞらアドバンスリテール株式会社', '家電販売スタート応援!学生さん大歓迎☆久留米市', '40', '40203', NULL, '福岡県久留米市青葉4-20-14', 'hourly', 1300, 1400, 3000, 207, 1, false, true, true, false, 1762832848000000, 1765424848000000, true, NULL);
INSERT INTO public.jobs VALUES
	(101, 'C0000016', 'あおぞらアドバンスリテール株式会社', '[短期×研修充実]筑紫野市品出しスタッフ', '40', '40217', '西鉄二日市駅', '福岡県筑紫野市大手町1-7-18', 'monthly', 180000, NULL, 1500, 203, 5, false, false, false, false, 1763789755000000, 1766208955000000, true, NULL),
	(102, 'C0000006', '株式会社双葉ケア', '鹿児島市でデイサービス募集♪土日のみOK', '46', '46201', NULL, '鹿児島県鹿児島市幸町4-12-17', 'hourly', 1510, 1930, 500, 1003, 3, false, false, false, false, 1763096221000000, 1764910621000000, true, NULL),
	(103, 'C0000002', '大和新ロジスティクス株式会社', '春日部駅のシール貼り★初心者大歓迎・交通費支給', '11', '11214', '春日部駅', '埼玉県春日部市青葉5-23-5', 'hourly', 1170, NULL, 5000, 305, 2, false, true, false, false, 1764383429000000, 1766802629000000, true, NULL),
	(104, 'C0000009', '株式会社日の出プラスデザイン', '副業OK◎SNS運用（春日井駅）', '23', '23206', '春日井駅', '愛知県春日井市泉町6-13-13', 'hourly', 1650, 2200, 0, 907, 3, false, false, false, false, 1740951535000000, 1744839535000000, true, NULL),
	(105, 'C0000009', '株式会社日の出プラスデザイン', '[在宅勤務あり×扶養内OK]桑名市ライター', '24', '24205', '桑名駅', '三重県桑名市元町6-15-11', 'hourly', 1550, 1950, 0, 904, 1, false, false, false, true, 1764320229000000, 1765529829000000, true, NULL),
	(106, 'C0000005', '株式会社さくら新リテール', '【初心者大歓迎】京成津田沼駅チカ!品出しスタッフ', '12', '12216', '京成津田沼駅', '千葉県習志野市花園3-8-20', 'hourly', 1190, NULL, 3000, 203, 1, false, true, false, false, 1764482678000000, 1766901878000000, true, NULL),
	(107, 'C0000015', '日の出ロジスティクス株式会社', '【服装自由】大阪市!仕分けスタッフ', '27', '27100', NULL, '大阪府大阪市日の出町1-16-2', 'hourly', 1220, 1380, 0, 302, 1, false, true, true, false, 1764069348000000, 1767957348000000, true, NULL),
	(108, 'C0000008', 'なごみジャパンビルサービス株式会社', '《夜勤》経験不問のハウスクリーニング', '13', '13102', '月島駅', '東京都中央区駅前3-15-19', 'hourly', 1910, 2450, 2000, 1503, 2, false, true, false, false, 1764161186000000, 1771937186000000, true, NULL),
	(109, 'C0000005', '株式会社さくら新リテール', '＼未経験歓迎／エステティシャン@千葉駅', '12', '12100', '千葉駅', NULL, 'hourly', 1450, 1550, 3000, 1604, 2, false, true, false, false, 1763937953000000, NULL, true, NULL),
	(110, 'C0000008', 'なごみジャパンビルサービス株式会社', '【未経験歓迎】蒲田駅チカ!ビル清掃', '13', '13111', '蒲田駅', NULL, 'hourly', 1670, 2210, 1000, 1501, 1, false, true, false, false, 1763469715000000, 1767098515000000, true, NULL),
	(111, 'C0000011', '株式会社光洋ジャパンビルサービス', '初心者大歓迎◎ビル清掃（岩槻駅）', '11', '11100', '岩槻駅', '埼玉県さいたま市宮前3-12-10', 'hourly', 1080, 1240, 800, 1501, 2, true, true, false, false, 1746228272000000, 1748647472000000, true, NULL),
	(112, 'C0000011', '株式会社光洋ジャパンビルサービス', '【髪色自由】西船橋駅チカ!ビル清掃', '12', '12204', '西船橋駅', '千葉県船橋市泉町1-14-1', 'hourly', 1090, NULL, 1000, 1501, 1, false, true, true, false, 1736885981000000, 1740514781000000, true, NULL),
	(113, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '長町駅の寿司職人★経験不問・副業OK', '04', '04100', '長町駅', '宮城県仙台市南町2-15-8', 'hourly', 1600, 2000, 5000, 115, 1, false, true, true, false, 1763367607000000, 1766996407000000, true, NULL),
	(114, 'C0000012', '三栄ジャパンビルサービス株式会社', 'マンション管理員スタート応援!急募☆下北沢駅', '13', '13112', '下北沢駅', '東京都世田谷区西町6-3-17', 'hourly', 1300, 1650, 1000, 1508, 2, false, false, false, false, 1760943468000000, 1764831468000000, true, NULL),
	(115, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '家電販売【所沢市】ブランクOK', '11', '11208', '所沢駅', '埼玉県所沢市宮前4-26-5', 'hourly', 1280, NULL, 2000, 207, 1, NULL, true, true, false, 1755513203000000, 1758105203000000, true, NULL),
	(116, 'C0000016', 'あおぞらアドバンスリテール株式会社', 'スーパーレジ【福岡市】主婦(夫)活躍中', '40', '40130', '天神駅', '福岡県福岡市緑町2-12-18', 'hourly', 992, NULL, NULL, 202, 1, false, true, true, false, 1749876328000000, 1753764328000000, true, NULL),
	(117, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'コールセンター発信スタート応援!扶養内OK☆仙台駅', '04', '04100', '仙台駅', '宮城県仙台市駅前5-22-9', 'hourly', 1440, 1530, 6000, 602, 2, false, true, true, false, 1764270621000000, 1765480221000000, true, NULL),
	(118, 'C0000008', 'なごみジャパンビルサービス株式会社', '【ブランクOK】みなとみらい駅!准看護師', '14', '14100', 'みなとみらい駅', '神奈川県横浜市青葉1-10-6', NULL, 2310, 3260, 3000, 1102, 2, false, false, false, false, 1737338723000000, 1738548323000000, true, NULL),
	(119, 'C0000004', NULL, '名取市でカスタマーサポート募集♪未経験OK', '04', '04207', '名取駅', '宮城県名取市松原3-18-20', 'hourly', 1250, 1750, 6000, 604, 1, false, true, false, false, 1764200704000000, 1766619904000000, true, NULL),
	(120, 'C0000011', '株式会社光洋ジャパンビルサービス', '[経験不問×オープニング]船橋市交通誘導警備', '12', '12204', '船橋駅', '千葉県船橋市泉町4-14-5', 'hourly', 1250, NULL, 2500, 1504, 1, false, true, false, false, 1764442362000000, 1765651962000000, true, NULL),
	(121, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【夜勤】多賀城駅!テレフォンアポインター', '04', '04209', '多賀城駅', '宮城県多賀城市松原1-22-18', 'hourly', 1400, NULL, 2000, 605, 2, false, false, false, false, 1760560543000000, 1761770143000000, true, NULL),
	(122, 'C0000003', '株式会社グリーン新学園', '試験監督＜大学生活躍中＞＜週3日〜＞', '11', '11100', '岩槻駅', '埼玉県さいたま市富士見6-9-11', 'hourly', 1350, NULL, 1500, 1209, 1, false, true, true, false, 1746795895000000, 1751979895000000, true, NULL),
	(123, 'C0000015', '日の出ロジスティクス株式会社', '大阪市で棚卸しスタッフ募集♪大学生活躍中', '27', '27100', '鶴橋駅', '大阪府大阪市本町2-20-13', 'hourly', 1310, 1850, 1500, 310, NULL, NULL, true, true, false, 1742035997000000, 1743850397000000, true, NULL),
	(124, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', 'コールセンター受信/短時間OK/富山駅', '16', '16201', '富山駅', '富山県富山市西町6-7-9', 'daily', 10500, NULL, 800, 601, 1, false, true, false, true, 1764261330000000, 1766853330000000, true, NULL),
	(125, 'C0000002', '大和新ロジスティクス株式会社', '《高時給》初心者大歓迎の梱包スタッフ', '11', '11100', NULL, '埼玉県さいたま市新町3-28-6', 'monthly', 200000, 230000, 500, 303, 5, false, true, false, false, 1763016947000000, 1765436147000000, true, NULL),
	(126, 'C0000014', 'ライフ総合コミュニケーションズ株式会社', '南福島駅のカスタマーサポート★経験不問・履歴書不要', '07', '07201', '南福島駅', '福島県福島市青葉2-24-18', 'hourly', 1300, 1400, 1500, 604, 4, false, true, false, false, 1750238885000000, 1751448485000000, true, NULL),
	(127, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '《履歴書不要》シフト自由のカスタマーサポート', '16', '16201', '富山駅', '富山県富山市駅前5-17-8', 'hourly', 1250, NULL, 0, 604, 4, false, true, false, false, NULL, 1765739890000000, true, NULL),
	(128, 'C0000009', '株式会社日の出プラスデザイン', 'Webディレクター/オープニング/栄駅', '23', '23100', '栄駅', '愛知県名古屋市東町6-3-3', 'hourly', 1770, 1890, 1000, 906, 4, false, false, false, false, NULL, 1742449907000000, true, NULL),
	(129, 'C0000002', '大和新ロジスティクス株式会社', '商品管理スタート応援!高校生OK☆取手駅', '08', '08217', '取手駅', NULL, 'hourly', 1140, 1290, 2500, 306, 2, false, true, true, false, 1764355053000000, 1769539053000000, true, NULL),
	(130, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【学生歓迎】本塩釜駅!コールセンター受信', '04', '04203', '本塩釜駅', '宮城県塩竈市宮前5-26-15', 'hourly', 1370, NULL, 10000, 601, 1, false, false, true, false, 1763511262000000, 1768695262000000, true, NULL),
	(131, 'C0000006', '株式会社双葉ケア', '【大学生活躍中】川内駅チカ!介護スタッフ', '46', '46215', '川内駅', '鹿児島県薩摩川内市東町2-24-8', 'hourly', 1300, NULL, 0, 1001, 2, false, true, true, false, 1763699315000000, 1765513715000000, true, NULL),
	(132, 'C0000015', '日の出ロジスティクス株式会社', '[初心者大歓迎×履歴書不要]大阪市シール貼り', '27', '27100', '京橋駅', '大阪府大阪市栄町6-2-17', 'hourly', 1230, 1600, 8000, 305, 2, false, NULL, true, false, 1740034801000000, 1742454001000000, true, NULL),
	(133, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '大宮駅のコールセンター事務★土日のみOK・土日祝休み', '11', NULL, '大宮駅', '埼玉県さいたま市緑町1-21-1', 'hourly', 1280, NULL, 700, 511, 1, false, NULL, true, false, 1733752783000000, 1735567183000000, true, NULL),
	(134, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '《服装自由》未経験OKのテレフォンアポインター', '04', '04100', '勾当台公園駅', '宮城県仙台市松原6-18-12', 'monthly', 250000, NULL, 1000, 605, 6, false, true, false, false, 1763830866000000, 1771606866000000, true, NULL),
	(135, 'C0000015', '日の出ロジスティクス株式会社', '【ブランクOK】橋本駅!倉庫内ピッキング', '30', '30203', '橋本駅', '和歌山県橋本市末広5-27-19', 'hourly', 1110, NULL, 1500, 301, 1, true, true, false, false, 1764403447000000, 1766822647000000, true, NULL),
	(136, 'C0000015', '日の出ロジスティクス株式会社', '《社員登用あり》給与前払いありの仕分けスタッフ', '27', '27205', '吹田駅', '大阪府吹田市中央5-2-14', 'hourly', 1270, 1590, 1500, 302, 1, true, false, false, false, 1764178961000000, 1768066961000000, true, NULL),
	(137, 'C0000011', '株式会社光洋ジャパンビルサービス', '経験不問◎ドラッグストアスタッフ（松戸市）', '12', '12207', NULL, NULL, 'hourly', 1140, 1350, 1200, 206, 1, true, true, true, false, 1764341195000000, 1772117195000000, true, NULL),
	(138, 'C0000003', '株式会社グリーン新学園', '日払い可◎アイリスト（武蔵浦和駅）', '11', '11100', '武蔵浦和駅', '埼玉県さいたま市新町2-7-20', 'hourly', 1400, NULL, 700, 1602, 1, true, false, false, false, 1759911067000000, 1762330267000000, true, NULL),
	(139, 'C0000015', '日の出ロジスティクス株式会社', '搬入・搬出スタッフ＜大学生活躍中＞＜短期＞', '27', '27140', '堺駅', '大阪府堺市中央4-21-9', 'daily', 13000, 17000, 1000, 309, 1, true, false, true, false, 1764578673000000, 1767170673000000, true, NULL),
	(140, 'C0000012', '三栄ジャパンビルサービス株式会社', '理学療法士【川崎市】週2日〜OK', '14', '14130', '武蔵小杉駅', '神奈川県川崎市末広6-17-10', 'hourly', 1850, NULL, 800, 1108, 4, true, true, false, false, 1760996224000000, 1768772224000000, true, NULL),
	(141, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '気仙沼市でカスタマーサポート募集♪髪色自由', '04', '04205', '気仙沼駅', NULL, 'hourly', 1500, 1750, NULL, 604, 2, false, true, true, false, 1763876253000000, 1766468253000000, true, NULL),
	(142, 'C0000001', '株式会社あおぞら総合ビジネスサポート', '《短期》在宅OKの営業事務', '11', '11203', '西川口駅', '埼玉県川口市北町1-1-15', 'hourly', 1370, 1700, 1200, NULL, 1, false, false, false, true, 1764581787000000, 1767000987000000, true, NULL),
	(143, 'C0000015', '日の出ロジスティクス株式会社', '検品スタッフ＜1日4h〜＞＜週2日〜OK＞', '27', '27211', '茨木市駅', '大阪府茨木市緑町1-11-19', 'hourly', 1340, 1590, 1200, 304, 2, false, false, false, false, 1762258894000000, 1764850894000000, true, NULL),
	(144, 'C0000005', '株式会社さくら新リテール', '花屋スタッフ【木更津市】高時給', '12', '12206', NULL, NULL, 'hourly', 1250, 1600, 800, 213, 3, false, false, false, false, 1753601020000000, 1754810620000000, true, NULL),
	(145, 'C0000005', '株式会社さくら新リテール', '船橋駅の郵便物区分★日払いOK・交通費支給', '12', '12204', '船橋駅', '千葉県船橋市宮前2-3-19', 'hourly', 1160, 1530, 800, 311, 1, true, true, true, false, 1756672878000000, 1759092078000000, true, NULL),
	(146, 'C0000006', '株式会社双葉ケア', '夜勤介護/未経験OK/那覇市', '47', '47201', NULL, '沖縄県那覇市中央4-6-6', 'hourly', 1600, 2250, 1000, 1004, 1, false, true, NULL, false, 1760938063000000, 1768714063000000, true, NULL),
	(147, 'C0000015', '日の出ロジスティクス株式会社', '和泉市でシール貼り募集♪経験不問', '27', '27219', '和泉中央駅', '大阪府和泉市栄町5-7-10', 'hourly', 1370, NULL, 1500, 305, 2, false, true, false, false, 1763579795000000, 1766171795000000, true, NULL),
	(148, 'C0000016', 'あおぞらアドバンスリテール株式会社', '熊本市で品出しスタッフ募集♪大学生活躍中', '43', '43100', '熊本駅', '熊本県熊本市泉町3-24-6', 'hourly', 1050, NULL, 500, 203, 1, false, true, true, false, 1762183569000000, 1764602769000000, true, NULL),
	(149, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '富山駅の受付★髪色自由・駅チカ', '16', '16201', '富山駅', '富山県富山市西町2-24-18', 'hourly', 1160, 1500, NULL, 507, 2, false, false, false, false, 1763923704000000, 1769107704000000, true, NULL),
	(150, 'C0000015', '日の出ロジスティクス株式会社', '[経験不問×髪色自由]堺市システムエンジニア', '27', '27140', '堺東駅', '大阪府堺市富士見1-28-4', 'hourly', 2540, 2680, 10000, 802, 2, false, true, NULL, false, 1763627721000000, NULL, true, NULL),
	(151, 'C0000005', '株式会社さくら新リテール', 'スーパーレジ/未経験歓迎/千葉駅', '12', '12100', '千葉駅', '千葉県千葉市北町3-10-15', 'hourly', 1350, NULL, 4000, 202, 2, false, true, false, false, 1762476332000000, 1766364332000000, true, NULL),
	(152, 'C0000002', '大和新ロジスティクス株式会社', '熊谷市で搬入・搬出スタッフ募集♪学生さん大歓迎', '11', '11202', '熊谷駅', '埼玉県熊谷市若葉町6-9-14', 'hourly', 1080, 1370, 800, 309, 1, false, true, NULL, false, 1748827327000000, NULL, true, NULL),
	(153, 'C0000016', 'あおぞらアドバンスリテール株式会社', '筑紫野市のコンビニスタッフ★学生さん大歓迎・高時給', '40', '40217', NULL, '福岡県筑紫野市泉町6-19-6', 'monthly', 170000, NULL, 5000, 201, 1, false, true, true, false, 1739080482000000, 1746856482000000, true, NULL),
	(154, 'C0000010', '株式会社旭パートナーフーズ', '墨田区で送迎ドライバー募集♪未経験歓迎', '13', '13107', '錦糸町駅', NULL, 'hourly', 1550, 1850, 1000, 1306, 1, false, true, true, false, 1761398321000000, 1762607921000000, true, NULL),
	(155, 'C0000016', 'あおぞらアドバンスリテール株式会社', 'アパレル販売/大学生活躍中/薬院駅', '40', '40130', '薬院駅', '福岡県福岡市若葉町4-6-7', 'hourly', 1050, NULL, 1000, 204, 1, true, true, true, false, 1732709364000000, 1737893364000000, true, NULL),
	(156, 'C0000013', '株式会社オリーブ新学園', '川西能勢口駅の保育士★経験不問・オープニング', '28', '28217', '川西能勢口駅', '兵庫県川西市日の出町2-3-15', 'hourly', 1450, 1900, 700, 1201, 1, false, true, false, false, 1763715509000000, 1766307509000000, true, NULL),
	(157, 'C0000003', '株式会社グリーン新学園', 'さいたま市で仕分けスタッフ募集♪日払いOK', '11', '11100', '武蔵浦和駅', '埼玉県さいたま市新町2-24-2', 'hourly', 1150, 1550, 700, 302, 4, true, true, true, false, 1761627090000000, 1763441490000000, true, NULL),
	(158, 'C0000016', 'あおぞらアドバンスリテール株式会社', '＼未経験OK／送迎ドライバー@筑前前原駅', '40', '40230', '筑前前原駅', NULL, 'hourly', 1250, NULL, 800, 1306, 1, false, true, true, false, 1763814349000000, 1767443149000000, true, NULL),
	(159, 'C0000006', '株式会社双葉ケア', 'ケアマネジャー【霧島市】副業OK', '46', '46218', '国分駅', '鹿児島県霧島市末広5-3-12', 'hourly', 1810, 2590, 5000, 1006, NULL, true, false, false, false, 1763990010000000, 1765199610000000, false, NULL),
	(160, 'C0000005', '株式会社さくら新リテール', '＼経験不問／家電販売@熊谷市', '11', '11202', NULL, '埼玉県熊谷市幸町6-19-20', 'monthly', 260000, 330000, 4000, 207, 3, false, true, false, false, 1764468879000000, 1769652879000000, true, NULL),
	(161, 'C0000015', '日の出ロジスティクス株式会社', '【未経験OK】守口市駅チカ!シール貼り', '27', '27209', '守口市駅', '大阪府守口市西町3-5-15', 'hourly', 1290, NULL, 800, 305, 1, true, true, false, false, 1732275411000000, 1737459411000000, true, NULL),
	(162, 'C0000016', 'あおぞらアドバンスリテール株式会社', '＼高校生OK／化粧品販売@小倉駅', '40', '40100', '小倉駅', '福岡県北九州市中央6-9-11', 'hourly', 1340, NULL, 2500, 211, 1, false, false, true, false, 1763513160000000, 1768697160000000, true, NULL),
	(163, 'C0000002', '大和新ロジスティクス株式会社', '《夜勤》学生歓迎の梱包スタッフ', '11', '11100', '武蔵浦和駅', '埼玉県さいたま市北町6-4-6', 'hourly', 1300, 1750, 500, 303, 6, false, true, true, false, 1764384648000000, 1766803848000000, true, NULL),
	(164, 'C0000003', '株式会社グリーン新学園', '[大学生活躍中×短時間OK]さいたま市保育士', '11', NULL, '南浦和駅', '埼玉県さいたま市栄町5-19-6', 'hourly', 1450, 2000, NULL, 1201, 1, false, false, true, false, 1763630542000000, 1771406542000000, true, NULL),
	(165, 'C0000002', '大和新ロジスティクス株式会社', '【未経験歓迎】志木駅!仕分けスタッフ', '11', '11230', '志木駅', '埼玉県新座市旭町2-9-16', 'monthly', 190000, 270000, 500, 302, 3, false, true, false, false, 1763781293000000, 1768965293000000, true, NULL),
	(166, 'C0000011', '株式会社光洋ジャパンビルサービス', '海浜幕張駅のビル清掃★研修充実・土日祝休み', '12', '12100', '海浜幕張駅', '千葉県千葉市駅前2-12-3', 'hourly', 1250, 1500, 500, 1501, 1, false, true, true, false, 1764159948000000, NULL, true, NULL),
	(167, 'C0000006', '株式会社双葉ケア', '《研修充実》即日払いOKの訪問介護', '43', NULL, '宇土駅', '熊本県宇土市松原6-2-12', 'hourly', 1200, 1500, 300, 1002, 1, true, false, true, false, 1764082440000000, 1765292040000000, true, NULL),
	(168, 'C0000012', '三栄ジャパンビルサービス株式会社', '＼扶養内OK／データ入力@登戸駅', '14', '14130', '登戸駅', NULL, 'hourly', 1500, NULL, 1000, 506, 4, false, false, NULL, false, 1764528741000000, 1772304741000000, true, NULL),
	(169, 'C0000005', '株式会社さくら新リテール', 'シール貼り＜未経験OK＞＜ミドル活躍中＞', '12', '12203', '市川駅', '千葉県市川市北町5-21-12', 'hourly', 1310, 1430, 1200, 305, 1, false, true, false, false, 1764498733000000, 1772274733000000, true, NULL),
	(170, 'C0000003', '株式会社グリーン新学園', '家庭教師/学生さん大歓迎/戸田公園駅', '11', '11224', '戸田公園駅', '埼玉県戸田市元町3-11-14', 'daily', 14000, 19000, 700, 1207, 1, false, false, true, false, 1762832070000000, 1764646470000000, true, NULL),
	(171, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '【車通勤OK】八乙女駅!検品スタッフ', '04', '04100', '八乙女駅', '宮城県仙台市元町6-17-13', 'monthly', 200000, 280000, 3000, 304, 3, false, false, false, false, 1760325578000000, 1762917578000000, true, NULL),
	(172, 'C0000006', '株式会社双葉ケア', '【初心者大歓迎】鹿児島中央駅!デイサービス', '46', '46201', '鹿児島中央駅', '鹿児島県鹿児島市若葉町1-25-3', 'hourly', 1350, NULL, 500, 1003, 1, false, true, false, false, 1764505612000000, 1766924812000000, true, NULL),
	(173, 'C0000011', '株式会社光洋ジャパンビルサービス', '【高校生OK】木更津市!施設警備', '12', '12206', NULL, '千葉県木更津市桜町2-11-12', 'daily', 9500, NULL, NULL, 1505, 1, false, true, true, false, 1764020624000000, 1765230224000000, true, NULL),
	(174, 'C0000016', 'あおぞらアドバンスリテール株式会社', '《1日4h〜》未経験歓迎のコンビニスタッフ', '40', '40130', '西新駅', '福岡県福岡市泉町6-11-20', 'hourly', 1100, 1500, 1500, 201, 1, true, true, false, false, 1763523508000000, 1767152308000000, true, NULL),
	(175, 'C0000006', '株式会社双葉ケア', '《オープニング》週3日〜の介護送迎ドライバー', '46', '46201', '谷山駅', '鹿児島県鹿児島市栄町6-8-1', 'hourly', 1350, 1450, 1200, 1009, 1, false, false, false, false, 1763397814000000, 1764607414000000, true, NULL),
	(176, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', 'コールセンター発信スタート応援!駅チカ☆仙台駅', '04', '04100', '仙台駅', '宮城県仙台市花園4-21-11', 'hourly', 1330, NULL, 2000, 602, NULL, false, true, true, false, 1741021244000000, 1743613244000000, true, NULL),
	(177, 'C0000016', 'あおぞらアドバンスリテール株式会社', '【未経験歓迎】門司港駅!コンビニスタッフ', '40', '40100', '門司港駅', '福岡県北九州市中央5-11-9', 'hourly', 1150, 1400, 1500, 201, 1, false, true, false, false, 1763618321000000, 1767506321000000, true, NULL),
	(178, 'C0000009', '株式会社日の出プラスデザイン', '[初心者大歓迎×夜勤]名古屋市SNS運用', '23', '23100', NULL, '愛知県名古屋市新町2-18-9', 'hourly', 1940, 2200, 1000, 907, 1, NULL, true, true, true, 1763821537000000, 1770301537000000, true, NULL),
	(179, NULL, NULL, '[未経験歓迎×扶養内OK]神戸市インストラクター', '28', '28100', '神戸駅', '兵庫県神戸市末広6-20-4', 'hourly', 1400, 1550, 3000, 1208, 2, false, true, false, false, 1763194306000000, 1768378306000000, true, NULL),
	(180, 'C0000016', 'あおぞらアドバンスリテール株式会社', '西新駅のコンビニスタッフ★制服貸与・ミドル活躍中', '40', '40130', '西新駅', NULL, 'monthly', 160000, NULL, 2000, 201, 5, false, false, false, false, 1738863116000000, 1741282316000000, true, NULL),
	(181, 'C0000005', '株式会社さくら新リテール', '松戸市のドラッグストアスタッフ★未経験OK・制服貸与', '12', '12207', NULL, '千葉県松戸市花園1-8-5', 'hourly', 1290, 1430, 2000, 206, 2, false, true, false, false, 1764520445000000, 1768149245000000, true, NULL),
	(182, 'C0000015', '日の出ロジスティクス株式会社', '仕分けスタッフスタート応援!給与前払いあり☆岸和田市', '27', '27202', NULL, '大阪府岸和田市新町2-17-3', 'hourly', 1420, 2040, 2000, 302, 1, true, true, false, false, 1760652208000000, 1765836208000000, true, NULL),
	(183, 'C0000006', '株式会社双葉ケア', '鹿屋市の介護スタッフ★未経験歓迎・急募', '46', '46203', NULL, NULL, 'hourly', 1290, 1610, 1000, 1001, 1, false, true, false, false, 1762326852000000, 1764918852000000, true, NULL),
	(184, 'C0000003', '株式会社グリーン新学園', '【学生さん大歓迎】さいたま市!食品販売', '11', '11100', NULL, '埼玉県さいたま市北町2-22-9', 'hourly', 1280, NULL, 500, 212, 1, false, true, true, false, 1764330880000000, 1766750080000000, true, NULL),
	(185, 'C0000013', '株式会社オリーブ新学園', '家庭教師スタート応援!未経験OK☆徳島市', '36', '36201', NULL, '徳島県徳島市末広1-12-16', 'hourly', 1290, NULL, 3000, 1207, 4, false, true, false, false, NULL, 1766848312000000, true, NULL),
	(186, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', 'コールセンター発信/制服貸与/長野駅', '20', '20201', '長野駅', '長野県長野市富士見5-20-11', NULL, 1450, 2050, 500, 602, 2, false, false, false, false, 1764333560000000, 1766752760000000, true, NULL),
	(187, 'C0000004', 'トラストジャパンコミュニケーションズ株式会社', '[未経験歓迎×髪色自由]多賀城市コールセンター発信', '04', '04209', '多賀城駅', '宮城県多賀城市栄町1-17-6', 'hourly', 1450, 1650, 2000, 602, 2, false, true, true, false, 1763417585000000, 1771193585000000, true, NULL),
	(188, 'C0000014', 'ライフ総合コミュニケーションズ株式会社', '[日払いOK×週2日〜OK]山形市介護スタッフ', '06', '06201', '山形駅', '山形県山形市西町5-27-4', 'hourly', 1260, 1830, 2500, 1001, 1, true, true, false, false, 1747616334000000, 1750208334000000, true, NULL),
	(189, 'C0000013', '株式会社オリーブ新学園', '保育補助スタート応援!短時間OK☆宝塚駅', '28', '28214', '宝塚駅', '兵庫県宝塚市中央1-4-1', 'daily', 10500, NULL, 1000, 1202, 6, false, false, false, false, 1763943512000000, 1766535512000000, true, NULL),
	(190, 'C0000012', '三栄ジャパンビルサービス株式会社', '[未経験歓迎×交通費支給]横須賀市客室清掃', '14', '14201', '横須賀中央駅', '神奈川県横須賀市幸町3-5-13', 'hourly', 1500, 2150, 1000, 1502, 2, false, true, false, false, 1764226868000000, 1767855668000000, true, NULL),
	(191, 'C0000011', '株式会社光洋ジャパンビルサービス', 'ビル清掃＜制服貸与＞＜残業なし＞', '12', '12203', '市川駅', NULL, 'daily', 10000, 14000, 300, 1501, 3, NULL, true, false, false, 1763309669000000, 1765728869000000, true, NULL),
	(192, 'C0000002', '大和新ロジスティクス株式会社', '《土日祝休み》学生歓迎の引越しスタッフ', '11', '11221', '草加駅', '埼玉県草加市新町5-21-15', 'hourly', 1400, NULL, 2500, 308, 1, true, true, true, false, 1762874578000000, 1769354578000000, true, NULL),
	(193, 'C0000006', '株式会社双葉ケア', '《主婦(夫)活躍中》未経験OKの介護スタッフ', '46', '46201', '天文館通駅', '鹿児島県鹿児島市泉町1-12-15', 'hourly', 1350, NULL, 800, 1001, 4, false, true, false, false, 1764583441000000, 1769767441000000, true, NULL),
	(194, 'C0000007', '株式会社ひかりトータルコミュニケーションズ', '急募◎コールセンター受信（富山駅）', '16', '16201', '富山駅', '富山県富山市本町6-11-8', 'hourly', 1080, 1270, 700, 601, 3, false, false, false, false, 1741701842000000, 1742911442000000, true, NULL),
	(195, 'C0000012', '三栄ジャパンビルサービス株式会社', '横須賀市でビル清掃募集♪初心者大歓迎', '14', '14201', '久里浜駅', '神奈川県横須賀市駅前2-18-3', 'hourly', 1225, 1760, 1000, 1501, NULL, false, true, false, false, 1763473151000000, 1766065151000000, true, NULL),
	(196, 'C0000015', '日の出ロジスティクス株式会社', '【夜勤】茨木市駅チカ!シール貼り', '27', '27211', '茨木市駅', NULL, 'daily', 10500, NULL, 1000, 305, 5, NULL, false, false, false, 1761489131000000, 1764081131000000, true, NULL),
	(197, 'C0000002', '大和新ロジスティクス株式会社', '【大学生活躍中】岩槻駅!パティシエ', '11', '11100', '岩槻駅', '埼玉県さいたま市西町3-24-20', 'hourly', 1300, NULL, 800, 114, 2, false, true, true, false, 1763631296000000, 1768815296000000, true, NULL),
	(198, 'C0000003', '株式会社グリーン新学園', '幼稚園教諭＜扶養内OK＞＜短時間OK＞', '11', '11224', '戸田公園駅', '埼玉県戸田市泉町2-23-8', 'hourly', 1500, NULL, 0, 1203, 4, false, false, false, false, 1763110264000000, 1766739064000000, true, NULL),
	(199, 'C0000010', '株式会社旭パートナーフーズ', '調理師/未経験OK/越谷レイクタウン駅', '11', NULL, '越谷レイクタウン駅', '埼玉県越谷市末広5-7-15', 'hourly', 1750, 2150, 1200, 113, 1, NULL, true, false, false, 1764268009000000, 1766860009000000, true, NULL),
	(200, 'C0000011', '株式会社光洋ジャパンビルサービス', 'ハウスクリーニングスタート応援!未経験OK☆木更津駅', '12', '12206', '木更津駅', '千葉県木更津市宮前5-16-19', 'hourly', 1450, NULL, NULL, 1503, 1, false, NULL, false, NULL, 1763294423000000, 1766923223000000, true, NULL);


--
-- Data for Name: occupations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.occupations VALUES
	(101, 'カフェスタッフ', 100),
	(102, '居酒屋スタッフ', 100),
	(103, 'ファストフードスタッフ', 100),
	(104, 'ホールスタッフ', 100),
	(105, 'キッチンスタッフ', 100),
	(106, 'レストランスタッフ', 100),
	(107, 'ラーメン店スタッフ', 100),
	(108, '焼肉店スタッフ', 100),
	(109, '回転寿司スタッフ', 100),
	(110, '洗い場スタッフ', 100),
	(111, 'パン製造・販売', 100),
	(112, '弁当・惣菜調理', 100),
	(113, '調理師', 100),
	(114, 'パティシエ', 100),
	(115, '寿司職人', 100),
	(201, 'コンビニスタッフ', 200),
	(202, 'スーパーレジ', 200),
	(203, '品出しスタッフ', 200),
	(204, 'アパレル販売', 200),
	(205, '雑貨販売', 200),
	(206, 'ドラッグストアスタッフ', 200),
	(207, '家電販売', 200),
	(208, '携帯ショップスタッフ', 200),
	(209, '書店スタッフ', 200),
	(210, 'ホームセンタースタッフ', 200),
	(211, '化粧品販売', 200),
	(212, '食品販売', 200),
	(213, '花屋スタッフ', 200),
	(214, 'ガソリンスタンドスタッフ', 200),
	(301, '倉庫内ピッキング', 300),
	(302, '仕分けスタッフ', 300),
	(303, '梱包スタッフ', 300),
	(304, '検品スタッフ', 300),
	(305, 'シール貼り', 300),
	(306, '商品管理', 300),
	(307, 'フォークリフト', 300),
	(308, '引越しスタッフ', 300),
	(309, '搬入・搬出スタッフ', 300),
	(310, '棚卸しスタッフ', 300),
	(311, '郵便物区分', 300),
	(401, '組立スタッフ', 400),
	(402, '食品製造', 400),
	(403, '機械オペレーター', 400),
	(404, '部品検査', 400),
	(405, '溶接工', 400),
	(406, '塗装工', 400),
	(407, '半導体製造', 400),
	(408, '自動車製造', 400),
	(409, '印刷スタッフ', 400),
	(410, '金属加工', 400),
	(501, '一般事務', 500),
	(502, '営業事務', 500),
	(503, '経理事務', 500),
	(504, '総務', 500),
	(505, '人事アシスタント', 500),
	(506, 'データ入力', 500),
	(507, '受付', 500),
	(508, '秘書', 500),
	(509, '貿易事務', 500),
	(510, '医療事務', 500),
	(511, 'コールセンター事務', 500),
	(601, 'コールセンター受信', 600),
	(602, 'コールセンター発信', 600),
	(603, 'テクニカルサポート', 600),
	(604, 'カスタマーサポート', 600),
	(605, 'テレフォンアポインター', 600),
	(606, 'スーパーバイザー', 600),
	(701, 'ルート営業', 700),
	(702, '法人営業', 700),
	(703, '個人営業', 700),
	(704, '不動産営業', 700),
	(705, '保険営業', 700),
	(706, 'ラウンダー', 700),
	(707, 'インサイドセールス', 700),
	(708, '内装・設備営業', 700),
	(801, 'プログラマー', 800),
	(802, 'システムエンジニア', 800),
	(803, 'インフラエンジニア', 800),
	(804, 'Webエンジニア', 800),
	(805, 'フロントエンドエンジニア', 800),
	(806, 'テスター', 800),
	(807, 'ヘルプデスク', 800),
	(808, 'データアナリスト', 800),
	(809, '社内SE', 800),
	(810, 'プロジェクトマネージャー', 800),
	(901, 'Webデザイナー', 900),
	(902, 'グラフィックデザイナー', 900),
	(903, '動画編集', 900),
	(904, 'ライター', 900),
	(905, '編集・校正', 900),
	(906, 'Webディレクター', 900),
	(907, 'SNS運用', 900),
	(908, 'カメラマン', 900),
	(1001, '介護スタッフ', 1000),
	(1002, '訪問介護', 1000),
	(1003, 'デイサービス', 1000),
	(1004, '夜勤介護', 1000),
	(1005, 'サービス提供責任者', 1000),
	(1006, 'ケアマネジャー', 1000),
	(1007, '生活支援員', 1000);
INSERT INTO public.occupations VALUES
	(1008, '障がい者支援', 1000),
	(1009, '介護送迎ドライバー', 1000),
	(1101, '看護師', 1100),
	(1102, '准看護師', 1100),
	(1103, '看護助手', 1100),
	(1104, '歯科助手', 1100),
	(1105, '歯科衛生士', 1100),
	(1106, '薬剤師', 1100),
	(1107, '登録販売者', 1100),
	(1108, '理学療法士', 1100),
	(1109, '作業療法士', 1100),
	(1110, '臨床検査技師', 1100),
	(1201, '保育士', 1200),
	(1202, '保育補助', 1200),
	(1203, '幼稚園教諭', 1200),
	(1204, '学童スタッフ', 1200),
	(1205, 'ベビーシッター', 1200),
	(1206, '塾講師', 1200),
	(1207, '家庭教師', 1200),
	(1208, 'インストラクター', 1200),
	(1209, '試験監督', 1200),
	(1301, '配送ドライバー', 1300),
	(1302, '中型トラック', 1300),
	(1303, '大型トラック', 1300),
	(1304, 'タクシー', 1300),
	(1305, 'バス運転士', 1300),
	(1306, '送迎ドライバー', 1300),
	(1307, 'フードデリバリー', 1300),
	(1308, '運転代行', 1300),
	(1401, '建設作業員', 1400),
	(1402, '土木作業員', 1400),
	(1403, '電気工事', 1400),
	(1404, '配管工', 1400),
	(1405, '内装工', 1400),
	(1406, 'とび職', 1400),
	(1407, '解体作業', 1400),
	(1408, '施工管理', 1400),
	(1409, 'CADオペレーター', 1400),
	(1501, 'ビル清掃', 1500),
	(1502, '客室清掃', 1500),
	(1503, 'ハウスクリーニング', 1500),
	(1504, '交通誘導警備', 1500),
	(1505, '施設警備', 1500),
	(1506, 'イベント警備', 1500),
	(1507, '設備管理', 1500),
	(1508, 'マンション管理員', 1500),
	(1601, '美容師', 1600),
	(1602, 'アイリスト', 1600),
	(1603, 'ネイリスト', 1600),
	(1604, 'エステティシャン', 1600),
	(1605, 'セラピスト', 1600),
	(1606, '整体師', 1600),
	(1701, 'イベントスタッフ', 1700),
	(1702, 'コンサートスタッフ', 1700),
	(1703, 'パチンコホール', 1700),
	(1704, 'カラオケスタッフ', 1700),
	(1705, '映画館スタッフ', 1700),
	(1706, 'ホテルフロント', 1700),
	(1707, '旅館スタッフ', 1700),
	(1708, 'ブライダルスタッフ', 1700),
	(1709, 'テーマパークスタッフ', 1700),
	(1710, 'スポーツジムスタッフ', 1700),
	(1801, '農作業スタッフ', 1800),
	(1802, '酪農スタッフ', 1800),
	(1803, '水産加工', 1800),
	(1804, '造園スタッフ', 1800),
	(1805, 'モニター・調査', 1800),
	(1806, 'ポスティング', 1800),
	(1807, 'チラシ配布', 1800),
	(1808, '新聞配達', 1800),
	(1809, '治験モニター', 1800),
	(1810, '動物看護・トリマー', 1800);


--
-- Data for Name: prefecture_adjacency; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prefecture_adjacency VALUES
	('01', '02'),
	('02', '03'),
	('02', '05'),
	('03', '04'),
	('03', '05'),
	('04', '05'),
	('04', '06'),
	('04', '07'),
	('05', '06'),
	('06', '07'),
	('06', '15'),
	('07', '08'),
	('07', '09'),
	('07', '10'),
	('07', '15'),
	('08', '09'),
	('08', '11'),
	('08', '12'),
	('09', '10'),
	('09', '11'),
	('10', '11'),
	('10', '15'),
	('10', '20'),
	('11', '12'),
	('11', '13'),
	('11', '19'),
	('11', '20'),
	('12', '13'),
	('12', '14'),
	('13', '14'),
	('13', '19'),
	('14', '19'),
	('14', '22'),
	('15', '16'),
	('15', '20'),
	('16', '17'),
	('16', '20'),
	('16', '21'),
	('17', '18'),
	('17', '21'),
	('18', '21'),
	('18', '25'),
	('18', '26'),
	('19', '20'),
	('19', '22'),
	('20', '21'),
	('20', '22'),
	('20', '23'),
	('21', '23'),
	('21', '24'),
	('21', '25'),
	('22', '23'),
	('23', '24'),
	('24', '25'),
	('24', '26'),
	('24', '29'),
	('24', '30'),
	('25', '26'),
	('26', '27'),
	('26', '28'),
	('26', '29'),
	('27', '28'),
	('27', '29'),
	('27', '30'),
	('28', '31'),
	('28', '33'),
	('28', '36'),
	('29', '30'),
	('31', '32'),
	('31', '33'),
	('31', '34'),
	('32', '34'),
	('32', '35'),
	('33', '34'),
	('33', '37'),
	('34', '35'),
	('34', '38'),
	('35', '40'),
	('36', '37'),
	('36', '38'),
	('36', '39'),
	('37', '38'),
	('38', '39'),
	('40', '41'),
	('40', '43'),
	('40', '44'),
	('41', '42'),
	('43', '44'),
	('43', '45'),
	('43', '46'),
	('44', '45'),
	('45', '46'),
	('46', '47');


--
-- Data for Name: prefectures; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prefectures VALUES
	('01', '北海道', '北海道・東北'),
	('02', '青森県', '北海道・東北'),
	('03', '岩手県', '北海道・東北'),
	('04', '宮城県', '北海道・東北'),
	('05', '秋田県', '北海道・東北'),
	('06', '山形県', '北海道・東北'),
	('07', '福島県', '北海道・東北'),
	('08', '茨城県', '関東'),
	('09', '栃木県', '関東'),
	('10', '群馬県', '関東'),
	('11', '埼玉県', '関東'),
	('12', '千葉県', '関東'),
	('13', '東京都', '関東'),
	('14', '神奈川県', '関東'),
	('15', '新潟県', '中部'),
	('16', '富山県', '中部'),
	('17', '石川県', '中部'),
	('18', '福井県', '中部'),
	('19', '山梨県', '中部'),
	('20', '長野県', '中部'),
	('21', '岐阜県', '中部'),
	('22', '静岡県', '中部'),
	('23', '愛知県', '中部'),
	('24', '三重県', '近畿'),
	('25', '滋賀県', '近畿'),
	('26', '京都府', '近畿'),
	('27', '大阪府', '近畿'),
	('28', '兵庫県', '近畿'),
	('29', '奈良県', '近畿'),
	('30', '和歌山県', '近畿'),
	('31', '鳥取県', '中国'),
	('32', '島根県', '中国'),
	('33', '岡山県', '中国'),
	('34', '広島県', '中国'),
	('35', '山口県', '中国'),
	('36', '徳島県', '四国'),
	('37', '香川県', '四国'),
	('38', '愛媛県', '四国'),
	('39', '高知県', '四国'),
	('40', '福岡県', '九州・沖縄'),
	('41', '佐賀県', '九州・沖縄'),
	('42', '長崎県', '九州・沖縄'),
	('43', '熊本県', '九州・沖縄'),
	('44', '大分県', '九州・沖縄'),
	('45', '宮崎県', '九州・沖縄'),
	('46', '鹿児島県', '九州・沖縄'),
	('47', '沖縄県', '九州・沖縄');


--
-- Data for Name: profiles; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: promotions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: results; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.results VALUES
	('20251205-155729-215-beee85', 1, 1, 103, 62.74015426635742, 74.21884155273438, 49.75, 60.42538833618164),
	('20251205-155729-215-beee85', 1, 2, 117, 61.73234939575195, 80.49201965332031, 33.75, 64.70179748535156),
	('20251205-155729-215-beee85', 1, 3, 151, 61.0548095703125, 63.20041275024414, 59.75, 59.498817443847656),
	('20251205-155729-215-beee85', 1, 4, 113, 59.90515899658203, 81.14700317382812, 33.75, 57.73785400390625),
	('20251205-155729-215-beee85', 1, 5, 199, 59.17824172973633, 64.35210418701172, 49.75, 61.7079963684082),
	('20251205-155729-215-beee85', 2, 1, 41, 73.11186981201172, 79.43730163574219, 79.75, 58.03983688354492),
	('20251205-155729-215-beee85', 2, 2, 130, 69.8190689086914, 76.03313446044922, 87.75, 43.602718353271484),
	('20251205-155729-215-beee85', 2, 3, 117, 69.14949798583984, 80.49201965332031, 79.75, 43.42564010620117),
	('20251205-155729-215-beee85', 2, 4, 45, 68.70537567138672, 77.42959594726562, 79.75, 46.02846145629883),
	('20251205-155729-215-beee85', 2, 5, 19, 66.59931182861328, 64.48869323730469, 87.75, 48.26278305053711),
	('20251205-155729-215-beee85', 3, 1, 109, 63.36336135864258, 63.62175369262695, 63.83333206176758, 62.54887008666992),
	('20251205-155729-215-beee85', 3, 2, 150, 61.79749298095703, 81.47454071044922, 35.83333206176758, 61.52558898925781),
	('20251205-155729-215-beee85', 3, 3, 130, 58.909297943115234, 76.03313446044922, 35.83333206176758, 59.153480529785156),
	('20251205-155729-215-beee85', 3, 4, 59, 57.72480010986328, 61.21041488647461, 51.83333206176758, 58.968780517578125),
	('20251205-155729-215-beee85', 3, 5, 41, 57.270790100097656, 79.43730163574219, 35.83333206176758, 49.152896881103516),
	('20251205-155729-215-beee85', 4, 1, 41, 61.577640533447266, 79.43730163574219, 40, 59.3424072265625),
	('20251205-155729-215-beee85', 4, 2, 113, 59.48765182495117, 81.14700317382812, 40, 50.09617233276367),
	('20251205-155729-215-beee85', 4, 3, 16, 59.436790466308594, 66.57192993164062, 56, 53.36005783081055),
	('20251205-155729-215-beee85', 4, 4, 71, 58.81639862060547, 62.766082763671875, 56, 56.366546630859375),
	('20251205-155729-215-beee85', 4, 5, 45, 58.76175308227539, 77.42959594726562, 40, 52.633052825927734),
	('20251205-155729-215-beee85', 5, 1, 117, 60.739559173583984, 80.49201965332031, 35.83333206176758, 59.309165954589844),
	('20251205-155729-215-beee85', 5, 2, 25, 60.034019470214844, 51.261322021484375, 67.83333587646484, 63.93163299560547),
	('20251205-155729-215-beee85', 5, 3, 113, 59.01074981689453, 81.14700317382812, 35.83333206176758, 52.673152923583984),
	('20251205-155729-215-beee85', 5, 4, 109, 58.76237869262695, 63.62175369262695, 51.83333206176758, 59.212257385253906),
	('20251205-155729-215-beee85', 5, 5, 57, 58.59876251220703, 62.504608154296875, 51.83333206176758, 60.156402587890625),
	('20251205-155729-215-beee85', 6, 1, 150, 61.312042236328125, 81.47454071044922, 35.83333206176758, 59.90740966796875),
	('20251205-155729-215-beee85', 6, 2, 130, 59.28790283203125, 76.03313446044922, 35.83333206176758, 60.415489196777344),
	('20251205-155729-215-beee85', 6, 3, 41, 56.096797943115234, 79.43730163574219, 35.83333206176758, 45.23959732055664),
	('20251205-155729-215-beee85', 6, 4, 60, 55.85405731201172, 62.62067794799805, 43.5, 59.18595504760742),
	('20251205-155729-215-beee85', 6, 5, 117, 54.950950622558594, 80.49201965332031, 35.83333206176758, 40.01380920410156),
	('20251205-155729-215-beee85', 7, 1, 108, 59.862205505371094, 64.44917297363281, 66, 47.60845947265625),
	('20251205-155729-215-beee85', 7, 2, 150, 59.481346130371094, 81.47454071044922, 40, 49.63842010498047),
	('20251205-155729-215-beee85', 7, 3, 109, 59.20672607421875, 63.62175369262695, 56, 56.52675247192383),
	('20251205-155729-215-beee85', 7, 4, 117, 58.01482009887695, 80.49201965332031, 40, 46.06003952026367),
	('20251205-155729-215-beee85', 7, 5, 113, 57.99538040161133, 81.14700317382812, 40, 45.12192916870117),
	('20251205-155729-215-beee85', 8, 1, 41, 68.25582885742188, 79.43730163574219, 55.5, 66.10301971435547),
	('20251205-155729-215-beee85', 8, 2, 6, 63.95413589477539, 64.63651275634766, 61.83333206176758, 65.16509246826172),
	('20251205-155729-215-beee85', 8, 3, 117, 63.57768249511719, 80.49201965332031, 55.5, 49.102909088134766),
	('20251205-155729-215-beee85', 8, 4, 130, 62.28054428100586, 76.03313446044922, 41.5, 64.72430419921875),
	('20251205-155729-215-beee85', 8, 5, 150, 61.3551139831543, 81.47454071044922, 35.83333206176758, 60.05098342895508),
	('20251205-155729-215-beee85', 9, 1, 150, 63.202491760253906, 81.47454071044922, 47.75, 54.2922477722168),
	('20251205-155729-215-beee85', 9, 2, 103, 60.2360725402832, 74.21884155273438, 49.75, 52.078453063964844),
	('20251205-155729-215-beee85', 9, 3, 109, 59.726436614990234, 63.62175369262695, 63.75, 50.50911331176758),
	('20251205-155729-215-beee85', 9, 4, 108, 58.13564682006836, 64.44917297363281, 59.75, 48.1032600402832),
	('20251205-155729-215-beee85', 9, 5, 6, 57.68492126464844, 64.63651275634766, 49.75, 56.35105514526367),
	('20251205-155729-215-beee85', 10, 1, 160, 57.87004852294922, 71.01931762695312, 47.66666793823242, 50.541072845458984),
	('20251205-155729-215-beee85', 10, 2, 41, 56.67451477050781, 79.43730163574219, 23.33333396911621, 59.665313720703125),
	('20251205-155729-215-beee85', 10, 3, 113, 56.42924499511719, 81.14700317382812, 45.66666793823242, 34.23481750488281),
	('20251205-155729-215-beee85', 10, 4, 50, 55.137027740478516, 37.32692337036133, 67.33333587646484, 66.6875228881836),
	('20251205-155729-215-beee85', 10, 5, 150, 54.636940002441406, 81.47454071044922, 31.66666603088379, 41.8237419128418),
	('20251205-155729-215-beee85', 11, 1, 150, 65.17085266113281, 81.47454071044922, 49.83333206176758, 58.77012252807617),
	('20251205-155729-215-beee85', 11, 2, 80, 60.090110778808594, 70.54183959960938, 55.5, 50.74458312988281),
	('20251205-155729-215-beee85', 11, 3, 6, 58.47929382324219, 64.63651275634766, 51.83333206176758, 56.91562271118164),
	('20251205-155729-215-beee85', 11, 4, 108, 57.943180084228516, 64.44917297363281, 61.83333206176758, 45.37837219238281),
	('20251205-155729-215-beee85', 11, 5, 160, 57.202964782714844, 71.01931762695312, 51.83333206176758, 44.150787353515625),
	('20251205-155729-215-beee85', 12, 1, 103, 71.20646667480469, 74.21884155273438, 73.75, 64.64642333984375),
	('20251205-155729-215-beee85', 12, 2, 192, 67.44688415527344, 58.71954345703125, 73.75, 72.78021240234375),
	('20251205-155729-215-beee85', 12, 3, 3, 65.82185363769531, 43.83799362182617, 75.25, 85.70551300048828),
	('20251205-155729-215-beee85', 12, 4, 106, 64.44570922851562, 61.65781021118164, 77.75, 54.85862731933594),
	('20251205-155729-215-beee85', 12, 5, 163, 63.9386100769043, 51.18404006958008, 79.75, 65.13331604003906),
	('20251205-155729-215-beee85', 13, 1, 150, 58.83363342285156, 81.47454071044922, 33.75, 53.7293815612793),
	('20251205-155729-215-beee85', 13, 2, 60, 54.160499572753906, 62.62067794799805, 33.75, 63.29075622558594),
	('20251205-155729-215-beee85', 13, 3, 109, 53.78889465332031, 63.62175369262695, 33.75, 60.717315673828125),
	('20251205-155729-215-beee85', 13, 4, 59, 52.409812927246094, 61.21041488647461, 33.75, 59.33549118041992),
	('20251205-155729-215-beee85', 13, 5, 6, 51.714290618896484, 64.63651275634766, 33.75, 52.448951721191406),
	('20251205-155729-215-beee85', 14, 1, 41, 63.84376907348633, 79.43730163574219, 27.5, 79.39616394042969),
	('20251205-155729-215-beee85', 14, 2, 130, 62.91124725341797, 76.03313446044922, 27.5, 80.8266372680664),
	('20251205-155729-215-beee85', 14, 3, 117, 62.89199447631836, 80.49201965332031, 27.5, 74.8172836303711),
	('20251205-155729-215-beee85', 14, 4, 163, 62.87704849243164, 51.18404006958008, 71.5, 69.84477996826172),
	('20251205-155729-215-beee85', 14, 5, 103, 61.95887756347656, 74.21884155273438, 57.5, 50.07113265991211),
	('20251205-155729-215-beee85', 15, 1, 124, 67.24951171875, 53.24401092529297, 77.75, 75.42303466796875),
	('20251205-155729-215-beee85', 15, 2, 103, 58.44352340698242, 74.21884155273438, 33.75, 62.103294372558594),
	('20251205-155729-215-beee85', 15, 3, 137, 58.24189376831055, 46.1633186340332, 61.75, 70.83855438232422),
	('20251205-155729-215-beee85', 15, 4, 151, 58.016658782958984, 63.20041275024414, 47.75, 61.37165069580078),
	('20251205-155729-215-beee85', 15, 5, 99, 57.20232009887695, 47.71228790283203, 63.75, 63.30801773071289),
	('20251205-155729-215-beee85', 16, 1, 113, 59.93244934082031, 81.14700317382812, 35.83333206176758, 55.74549865722656),
	('20251205-155729-215-beee85', 16, 2, 41, 58.56452560424805, 79.43730163574219, 27.5, 61.79869079589844),
	('20251205-155729-215-beee85', 16, 3, 60, 58.394718170166016, 62.62067794799805, 53.5, 57.65482711791992),
	('20251205-155729-215-beee85', 16, 4, 160, 58.30609130859375, 71.01931762695312, 35.83333206176758, 63.827880859375),
	('20251205-155729-215-beee85', 16, 5, 45, 57.5230712890625, 77.42959594726562, 35.83333206176758, 52.6707763671875),
	('20251205-155729-215-beee85', 17, 1, 124, 64.75370788574219, 53.24401092529297, 77.75, 67.10367584228516),
	('20251205-155729-215-beee85', 17, 2, 45, 63.39509963989258, 77.42959594726562, 47.75, 60.32754135131836),
	('20251205-155729-215-beee85', 17, 3, 46, 63.013431549072266, 66.10894012451172, 61.75, 60.14952087402344),
	('20251205-155729-215-beee85', 17, 4, 130, 62.8388557434082, 76.03313446044922, 61.75, 46.33534240722656),
	('20251205-155729-215-beee85', 17, 5, 192, 61.56446075439453, 58.71954345703125, 59.64949417114258, 67.27265167236328),
	('20251205-155729-215-beee85', 18, 1, 140, 60.6645622253418, 50.17813491821289, 61.83333206176758, 73.47769165039062),
	('20251205-155729-215-beee85', 18, 2, 108, 59.55039596557617, 64.44917297363281, 51.83333206176758, 60.735755920410156),
	('20251205-155729-215-beee85', 18, 3, 113, 59.23154830932617, 81.14700317382812, 35.83333206176758, 53.409149169921875),
	('20251205-155729-215-beee85', 18, 4, 41, 59.09596252441406, 79.43730163574219, 35.83333206176758, 55.236812591552734),
	('20251205-155729-215-beee85', 18, 5, 45, 58.96616744995117, 77.42959594726562, 35.83333206176758, 57.481101989746094),
	('20251205-155729-215-beee85', 19, 1, 117, 63.076595306396484, 80.49201965332031, 35.83333206176758, 67.09928894042969),
	('20251205-155729-215-beee85', 19, 2, 109, 62.017581939697266, 63.62175369262695, 65.83333587646484, 56.06293487548828),
	('20251205-155729-215-beee85', 19, 3, 199, 59.92197799682617, 64.35210418701172, 51.83333206176758, 62.10378646850586),
	('20251205-155729-215-beee85', 19, 4, 113, 59.86769104003906, 81.14700317382812, 35.83333206176758, 55.52962875366211),
	('20251205-155729-215-beee85', 19, 5, 45, 59.61597442626953, 77.42959594726562, 35.83333206176758, 59.64712142944336),
	('20251205-155729-215-beee85', 20, 1, 150, 67.40900421142578, 81.47454071044922, 61.83333206176758, 54.230628967285156),
	('20251205-155729-215-beee85', 20, 2, 117, 59.51789855957031, 80.49201965332031, 35.83333206176758, 55.236968994140625),
	('20251205-155729-215-beee85', 20, 3, 41, 59.013954162597656, 79.43730163574219, 35.83333206176758, 54.96344757080078),
	('20251205-155729-215-beee85', 20, 4, 18, 58.522823333740234, 60.71214294433594, 61.83333206176758, 52.293212890625),
	('20251205-155729-215-beee85', 20, 5, 130, 56.64088821411133, 76.03313446044922, 35.83333206176758, 51.59210968017578);
INSERT INTO public.results VALUES
	('20251205-155729-215-beee85', 22, 1, 41, 60.31968307495117, 79.43730163574219, 35.83333206176758, 59.31587600708008),
	('20251205-155729-215-beee85', 22, 2, 117, 59.19117736816406, 80.49201965332031, 35.83333206176758, 54.14788818359375),
	('20251205-155729-215-beee85', 22, 3, 6, 57.53300857543945, 64.63651275634766, 61.83333206176758, 43.76133728027344),
	('20251205-155729-215-beee85', 22, 4, 45, 57.37949752807617, 77.42959594726562, 35.83333206176758, 52.192195892333984),
	('20251205-155729-215-beee85', 22, 5, 113, 57.35987854003906, 81.14700317382812, 35.83333206176758, 47.170257568359375),
	('20251205-155729-215-beee85', 23, 1, 199, 63.60161590576172, 64.35210418701172, 65.83333587646484, 60.36924743652344),
	('20251205-155729-215-beee85', 23, 2, 113, 63.264183044433594, 81.14700317382812, 49.83333206176758, 52.85126495361328),
	('20251205-155729-215-beee85', 23, 3, 103, 62.0856819152832, 74.21884155273438, 51.83333206176758, 56.16047668457031),
	('20251205-155729-215-beee85', 23, 4, 117, 61.07158660888672, 80.49201965332031, 35.83333206176758, 60.415924072265625),
	('20251205-155729-215-beee85', 23, 5, 46, 58.77535629272461, 66.10894012451172, 51.83333206176758, 55.93927001953125),
	('20251205-155729-215-beee85', 24, 1, 41, 62.296485900878906, 79.43730163574219, 35.83333206176758, 65.90522003173828),
	('20251205-155729-215-beee85', 24, 2, 150, 62.02180862426758, 81.47454071044922, 49.83333206176758, 48.27330017089844),
	('20251205-155729-215-beee85', 24, 3, 108, 59.75942611694336, 64.44917297363281, 61.83333206176758, 51.432518005371094),
	('20251205-155729-215-beee85', 24, 4, 160, 59.232505798339844, 71.01931762695312, 51.83333206176758, 50.915924072265625),
	('20251205-155729-215-beee85', 24, 5, 117, 58.515506744384766, 80.49201965332031, 35.83333206176758, 51.89565658569336),
	('20251205-155729-215-beee85', 25, 1, 150, 60.609378814697266, 81.47454071044922, 33.75, 59.64854049682617),
	('20251205-155729-215-beee85', 25, 2, 113, 60.09109878540039, 81.14700317382812, 47.75, 44.35765838623047),
	('20251205-155729-215-beee85', 25, 3, 130, 59.08282470703125, 76.03313446044922, 33.75, 61.81523132324219),
	('20251205-155729-215-beee85', 25, 4, 60, 58.86826705932617, 62.62067794799805, 49.75, 62.98332214355469),
	('20251205-155729-215-beee85', 25, 5, 103, 57.29877471923828, 74.21884155273438, 47.75, 44.28745651245117),
	('20251205-155729-215-beee85', 26, 1, 150, 65.964111328125, 81.47454071044922, 66, 45.24764633178711),
	('20251205-155729-215-beee85', 26, 2, 113, 63.32986831665039, 81.14700317382812, 54, 48.90355682373047),
	('20251205-155729-215-beee85', 26, 3, 139, 59.300575256347656, 55.237876892089844, 66, 58.0180778503418),
	('20251205-155729-215-beee85', 26, 4, 136, 58.34122085571289, 48.307682037353516, 72, 58.060489654541016),
	('20251205-155729-215-beee85', 26, 5, 130, 56.65824508666992, 76.03313446044922, 40, 47.483299255371094),
	('20251205-155729-215-beee85', 27, 1, 16, 61.277183532714844, 66.57192993164062, 61.75, 53.74470901489258),
	('20251205-155729-215-beee85', 27, 2, 103, 55.948387145996094, 74.21884155273438, 33.75, 53.78616714477539),
	('20251205-155729-215-beee85', 27, 3, 129, 55.74705505371094, 59.734619140625, 49.75, 56.4273567199707),
	('20251205-155729-215-beee85', 27, 4, 61, 54.31150436401367, 63.55096435546875, 47.75, 48.55372619628906),
	('20251205-155729-215-beee85', 27, 5, 33, 54.153106689453125, 62.53392028808594, 49.75, 47.38179397583008),
	('20251205-155729-215-beee85', 28, 1, 178, 58.664695739746094, 58.9076042175293, 56, 61.00551223754883),
	('20251205-155729-215-beee85', 28, 2, 150, 57.25727081298828, 81.47454071044922, 27.5, 54.7248420715332),
	('20251205-155729-215-beee85', 28, 3, 16, 57.0267448425293, 66.57192993164062, 56, 45.32658004760742),
	('20251205-155729-215-beee85', 28, 4, 130, 55.927852630615234, 76.03313446044922, 27.5, 57.54866409301758),
	('20251205-155729-215-beee85', 28, 5, 103, 55.621063232421875, 74.21884155273438, 41.5, 44.94508743286133),
	('20251205-155729-215-beee85', 29, 1, 151, 60.10714340209961, 63.20041275024414, 51.83333206176758, 64.25659942626953),
	('20251205-155729-215-beee85', 29, 2, 113, 59.70233917236328, 81.14700317382812, 35.83333206176758, 54.978458404541016),
	('20251205-155729-215-beee85', 29, 3, 108, 59.132747650146484, 64.44917297363281, 51.83333206176758, 59.34359359741211),
	('20251205-155729-215-beee85', 29, 4, 41, 58.50323486328125, 79.43730163574219, 35.83333206176758, 53.261051177978516),
	('20251205-155729-215-beee85', 29, 5, 160, 58.49052047729492, 71.01931762695312, 35.83333206176758, 64.4426498413086),
	('20251205-155729-215-beee85', 30, 1, 60, 73.00090789794922, 62.62067794799805, 94, 65.84211730957031),
	('20251205-155729-215-beee85', 30, 2, 160, 61.205623626708984, 71.01931762695312, 54, 55.326324462890625),
	('20251205-155729-215-beee85', 30, 3, 41, 60.618125915527344, 79.43730163574219, 40, 56.144020080566406),
	('20251205-155729-215-beee85', 30, 4, 150, 60.34809875488281, 81.47454071044922, 40, 52.52760314941406),
	('20251205-155729-215-beee85', 30, 5, 100, 60.05228042602539, 49.190399169921875, 80, 54.587066650390625),
	('20251205-155729-215-beee85', 31, 1, 113, 63.05267333984375, 81.14700317382812, 40, 61.97957229614258),
	('20251205-155729-215-beee85', 31, 2, 151, 61.162967681884766, 63.20041275024414, 56, 63.60934066772461),
	('20251205-155729-215-beee85', 31, 3, 45, 60.69898986816406, 77.42959594726562, 40, 59.090511322021484),
	('20251205-155729-215-beee85', 31, 4, 106, 60.50163650512695, 61.65781021118164, 56, 63.46170425415039),
	('20251205-155729-215-beee85', 31, 5, 108, 58.815975189208984, 64.44917297363281, 56, 54.12102127075195),
	('20251205-155729-215-beee85', 32, 1, 119, 59.969879150390625, 76.83550262451172, 33.75, 63.7022590637207),
	('20251205-155729-215-beee85', 32, 2, 117, 57.918251037597656, 80.49201965332031, 33.75, 51.98814392089844),
	('20251205-155729-215-beee85', 32, 3, 103, 57.39319610595703, 74.21884155273438, 33.75, 58.602203369140625),
	('20251205-155729-215-beee85', 32, 4, 130, 55.85996627807617, 76.03313446044922, 33.75, 51.07237243652344),
	('20251205-155729-215-beee85', 32, 5, 150, 55.71915817260742, 81.47454071044922, 33.75, 43.347801208496094),
	('20251205-155729-215-beee85', 33, 1, 150, 60.42311477661133, 81.47454071044922, 33.75, 59.027652740478516),
	('20251205-155729-215-beee85', 33, 2, 117, 60.33856201171875, 80.49201965332031, 33.75, 60.05584716796875),
	('20251205-155729-215-beee85', 33, 3, 119, 59.181854248046875, 76.83550262451172, 33.75, 61.07551193237305),
	('20251205-155729-215-beee85', 33, 4, 130, 58.25141906738281, 76.03313446044922, 33.75, 59.04387664794922),
	('20251205-155729-215-beee85', 33, 5, 178, 57.78616714477539, 58.9076042175293, 59.75, 54.32708740234375),
	('20251205-155729-215-beee85', 34, 1, 61, 60.89170455932617, 63.55096435546875, 59.75, 58.487735748291016),
	('20251205-155729-215-beee85', 34, 2, 113, 59.782569885253906, 81.14700317382812, 33.75, 57.3292236328125),
	('20251205-155729-215-beee85', 34, 3, 16, 58.176429748535156, 66.57192993164062, 59.75, 45.40886306762695),
	('20251205-155729-215-beee85', 34, 4, 45, 57.72370529174805, 77.42959594726562, 33.75, 55.42289733886719),
	('20251205-155729-215-beee85', 34, 5, 117, 57.70158004760742, 80.49201965332031, 33.75, 51.265899658203125),
	('20251205-155729-215-beee85', 35, 1, 45, 60.89387130737305, 77.42959594726562, 35.83333206176758, 63.906776428222656),
	('20251205-155729-215-beee85', 35, 2, 41, 60.03712463378906, 79.43730163574219, 35.83333206176758, 58.37401580810547),
	('20251205-155729-215-beee85', 35, 3, 113, 59.99242401123047, 81.14700317382812, 35.83333206176758, 55.94540786743164),
	('20251205-155729-215-beee85', 35, 4, 117, 59.865882873535156, 80.49201965332031, 35.83333206176758, 56.39691925048828),
	('20251205-155729-215-beee85', 35, 5, 193, 58.92502212524414, 47.1881103515625, 63.83333206176758, 69.66592407226562),
	('20251205-155729-215-beee85', 36, 1, 150, 62.21263885498047, 81.47454071044922, 51.83333206176758, 46.909400939941406),
	('20251205-155729-215-beee85', 36, 2, 113, 61.512245178222656, 81.14700317382812, 49.83333206176758, 47.01148223876953),
	('20251205-155729-215-beee85', 36, 3, 179, 58.924129486083984, 61.543697357177734, 61.83333206176758, 52.52216720581055),
	('20251205-155729-215-beee85', 36, 4, 119, 57.12678527832031, 76.83550262451172, 35.83333206176758, 52.141944885253906),
	('20251205-155729-215-beee85', 36, 5, 62, 56.59953689575195, 51.64570236206055, 61.83333206176758, 57.97085189819336),
	('20251205-155729-215-beee85', 37, 1, 113, 61.16482925415039, 81.14700317382812, 40, 55.6867561340332),
	('20251205-155729-215-beee85', 37, 2, 41, 59.573951721191406, 79.43730163574219, 40, 52.6634407043457),
	('20251205-155729-215-beee85', 37, 3, 45, 58.919071197509766, 77.42959594726562, 40, 53.157447814941406),
	('20251205-155729-215-beee85', 37, 4, 117, 58.3765983581543, 80.49201965332031, 40, 47.265968322753906),
	('20251205-155729-215-beee85', 37, 5, 160, 57.75926971435547, 71.01931762695312, 40, 57.83847427368164),
	('20251205-155729-215-beee85', 38, 1, 150, 62.91115951538086, 81.47454071044922, 49.75, 51.321144104003906),
	('20251205-155729-215-beee85', 38, 2, 117, 59.6910514831543, 80.49201965332031, 33.75, 57.8974723815918),
	('20251205-155729-215-beee85', 38, 3, 119, 59.04976272583008, 76.83550262451172, 33.75, 60.63520431518555),
	('20251205-155729-215-beee85', 38, 4, 113, 56.54850769042969, 81.14700317382812, 33.75, 46.54902267456055),
	('20251205-155729-215-beee85', 38, 5, 103, 56.34299087524414, 74.21884155273438, 33.75, 55.10151672363281),
	('20251205-155729-215-beee85', 40, 1, 41, 61.398433685302734, 79.43730163574219, 40.010990142822266, 58.73405075073242),
	('20251205-155729-215-beee85', 40, 2, 160, 60.834136962890625, 71.01931762695312, 47.75, 60.33803939819336),
	('20251205-155729-215-beee85', 40, 3, 33, 60.65563201904297, 62.53392028808594, 59.75, 59.0568733215332),
	('20251205-155729-215-beee85', 40, 4, 108, 58.947818756103516, 64.44917297363281, 61.75, 48.81050109863281),
	('20251205-155729-215-beee85', 40, 5, 46, 57.87725830078125, 66.10894012451172, 59.64949417114258, 45.12944793701172),
	('20251205-155731-711-a32b70', 1, 1, 103, 62.74015426635742, 74.21884155273438, 49.75, 60.42538833618164),
	('20251205-155731-711-a32b70', 1, 2, 117, 61.73234939575195, 80.49201965332031, 33.75, 64.70179748535156),
	('20251205-155731-711-a32b70', 1, 3, 151, 61.0548095703125, 63.20041275024414, 59.75, 59.498817443847656),
	('20251205-155731-711-a32b70', 1, 4, 113, 59.90515899658203, 81.14700317382812, 33.75, 57.73785400390625),
	('20251205-155731-711-a32b70', 1, 5, 199, 59.17824172973633, 64.35210418701172, 49.75, 61.7079963684082),
	('20251205-155731-711-a32b70', 1, 6, 45, 58.9062614440918, 77.42959594726562, 33.75, 59.364749908447266),
	('20251205-155731-711-a32b70', 2, 1, 41, 73.11186981201172, 79.43730163574219, 79.75, 58.03983688354492),
	('20251205-155731-711-a32b70', 2, 2, 130, 69.8190689086914, 76.03313446044922, 87.75, 43.602718353271484),
	('20251205-155731-711-a32b70', 2, 3, 117, 69.14949798583984, 80.49201965332031, 79.75, 43.42564010620117),
	('20251205-155731-711-a32b70', 2, 4, 45, 68.70537567138672, 77.42959594726562, 79.75, 46.02846145629883);
INSERT INTO public.results VALUES
	('20251205-155731-711-a32b70', 2, 5, 19, 66.59931182861328, 64.48869323730469, 87.75, 48.26278305053711),
	('20251205-155731-711-a32b70', 2, 6, 113, 65.91320037841797, 81.14700317382812, 65.75, 45.76466751098633),
	('20251205-155731-711-a32b70', 3, 1, 109, 63.36336135864258, 63.62175369262695, 63.83333206176758, 62.54887008666992),
	('20251205-155731-711-a32b70', 3, 2, 150, 61.79749298095703, 81.47454071044922, 35.83333206176758, 61.52558898925781),
	('20251205-155731-711-a32b70', 3, 3, 130, 58.909297943115234, 76.03313446044922, 35.83333206176758, 59.153480529785156),
	('20251205-155731-711-a32b70', 3, 4, 59, 57.72480010986328, 61.21041488647461, 51.83333206176758, 58.968780517578125),
	('20251205-155731-711-a32b70', 3, 5, 41, 57.270790100097656, 79.43730163574219, 35.83333206176758, 49.152896881103516),
	('20251205-155731-711-a32b70', 3, 6, 119, 55.14696502685547, 76.83550262451172, 35.83333206176758, 45.54254150390625),
	('20251205-155731-711-a32b70', 4, 1, 41, 61.577640533447266, 79.43730163574219, 40, 59.3424072265625),
	('20251205-155731-711-a32b70', 4, 2, 113, 59.48765182495117, 81.14700317382812, 40, 50.09617233276367),
	('20251205-155731-711-a32b70', 4, 3, 16, 59.436790466308594, 66.57192993164062, 56, 53.36005783081055),
	('20251205-155731-711-a32b70', 4, 4, 71, 58.81639862060547, 62.766082763671875, 56, 56.366546630859375),
	('20251205-155731-711-a32b70', 4, 5, 45, 58.76175308227539, 77.42959594726562, 40, 52.633052825927734),
	('20251205-155731-711-a32b70', 4, 6, 117, 58.605648040771484, 80.49201965332031, 40, 48.02946090698242),
	('20251205-155731-711-a32b70', 5, 1, 117, 60.739559173583984, 80.49201965332031, 35.83333206176758, 59.309165954589844),
	('20251205-155731-711-a32b70', 5, 2, 25, 60.034019470214844, 51.261322021484375, 67.83333587646484, 63.93163299560547),
	('20251205-155731-711-a32b70', 5, 3, 113, 59.01074981689453, 81.14700317382812, 35.83333206176758, 52.673152923583984),
	('20251205-155731-711-a32b70', 5, 4, 109, 58.76237869262695, 63.62175369262695, 51.83333206176758, 59.212257385253906),
	('20251205-155731-711-a32b70', 5, 5, 57, 58.59876251220703, 62.504608154296875, 51.83333206176758, 60.156402587890625),
	('20251205-155731-711-a32b70', 5, 6, 6, 58.54075241088867, 64.63651275634766, 61.83333206176758, 47.120487213134766),
	('20251205-155731-711-a32b70', 6, 1, 150, 61.312042236328125, 81.47454071044922, 35.83333206176758, 59.90740966796875),
	('20251205-155731-711-a32b70', 6, 2, 130, 59.28790283203125, 76.03313446044922, 35.83333206176758, 60.415489196777344),
	('20251205-155731-711-a32b70', 6, 3, 41, 56.096797943115234, 79.43730163574219, 35.83333206176758, 45.23959732055664),
	('20251205-155731-711-a32b70', 6, 4, 60, 55.85405731201172, 62.62067794799805, 43.5, 59.18595504760742),
	('20251205-155731-711-a32b70', 6, 5, 117, 54.950950622558594, 80.49201965332031, 35.83333206176758, 40.01380920410156),
	('20251205-155731-711-a32b70', 6, 6, 6, 54.55036163330078, 64.63651275634766, 35.83333206176758, 59.819183349609375),
	('20251205-155731-711-a32b70', 7, 1, 108, 59.862205505371094, 64.44917297363281, 66, 47.60845947265625),
	('20251205-155731-711-a32b70', 7, 2, 150, 59.481346130371094, 81.47454071044922, 40, 49.63842010498047),
	('20251205-155731-711-a32b70', 7, 3, 109, 59.20672607421875, 63.62175369262695, 56, 56.52675247192383),
	('20251205-155731-711-a32b70', 7, 4, 117, 58.01482009887695, 80.49201965332031, 40, 46.06003952026367),
	('20251205-155731-711-a32b70', 7, 5, 113, 57.99538040161133, 81.14700317382812, 40, 45.12192916870117),
	('20251205-155731-711-a32b70', 7, 6, 140, 57.889102935791016, 50.17813491821289, 70, 56.05949783325195),
	('20251205-155731-711-a32b70', 8, 1, 41, 68.25582885742188, 79.43730163574219, 55.5, 66.10301971435547),
	('20251205-155731-711-a32b70', 8, 2, 6, 63.95413589477539, 64.63651275634766, 61.83333206176758, 65.16509246826172),
	('20251205-155731-711-a32b70', 8, 3, 117, 63.57768249511719, 80.49201965332031, 55.5, 49.102909088134766),
	('20251205-155731-711-a32b70', 8, 4, 130, 62.28054428100586, 76.03313446044922, 41.5, 64.72430419921875),
	('20251205-155731-711-a32b70', 8, 5, 150, 61.3551139831543, 81.47454071044922, 35.83333206176758, 60.05098342895508),
	('20251205-155731-711-a32b70', 8, 6, 25, 60.976070404052734, 51.261322021484375, 89.83333587646484, 45.071800231933594),
	('20251205-155731-711-a32b70', 9, 1, 150, 63.202491760253906, 81.47454071044922, 47.75, 54.2922477722168),
	('20251205-155731-711-a32b70', 9, 2, 103, 60.2360725402832, 74.21884155273438, 49.75, 52.078453063964844),
	('20251205-155731-711-a32b70', 9, 3, 109, 59.726436614990234, 63.62175369262695, 63.75, 50.50911331176758),
	('20251205-155731-711-a32b70', 9, 4, 108, 58.13564682006836, 64.44917297363281, 59.75, 48.1032600402832),
	('20251205-155731-711-a32b70', 9, 5, 6, 57.68492126464844, 64.63651275634766, 49.75, 56.35105514526367),
	('20251205-155731-711-a32b70', 9, 6, 57, 57.55056381225586, 62.504608154296875, 49.75, 58.745731353759766),
	('20251205-155731-711-a32b70', 10, 1, 160, 57.87004852294922, 71.01931762695312, 47.66666793823242, 50.541072845458984),
	('20251205-155731-711-a32b70', 10, 2, 41, 56.67451477050781, 79.43730163574219, 23.33333396911621, 59.665313720703125),
	('20251205-155731-711-a32b70', 10, 3, 113, 56.42924499511719, 81.14700317382812, 45.66666793823242, 34.23481750488281),
	('20251205-155731-711-a32b70', 10, 4, 50, 55.137027740478516, 37.32692337036133, 67.33333587646484, 66.6875228881836),
	('20251205-155731-711-a32b70', 10, 5, 150, 54.636940002441406, 81.47454071044922, 31.66666603088379, 41.8237419128418),
	('20251205-155731-711-a32b70', 10, 6, 80, 54.46165084838867, 70.54183959960938, 31.66666603088379, 55.81639099121094),
	('20251205-155731-711-a32b70', 11, 1, 150, 65.17085266113281, 81.47454071044922, 49.83333206176758, 58.77012252807617),
	('20251205-155731-711-a32b70', 11, 2, 80, 60.090110778808594, 70.54183959960938, 55.5, 50.74458312988281),
	('20251205-155731-711-a32b70', 11, 3, 6, 58.47929382324219, 64.63651275634766, 51.83333206176758, 56.91562271118164),
	('20251205-155731-711-a32b70', 11, 4, 108, 57.943180084228516, 64.44917297363281, 61.83333206176758, 45.37837219238281),
	('20251205-155731-711-a32b70', 11, 5, 160, 57.202964782714844, 71.01931762695312, 51.83333206176758, 44.150787353515625),
	('20251205-155731-711-a32b70', 11, 6, 41, 57.05344772338867, 79.43730163574219, 27.5, 56.76176071166992),
	('20251205-155731-711-a32b70', 12, 1, 103, 71.20646667480469, 74.21884155273438, 73.75, 64.64642333984375),
	('20251205-155731-711-a32b70', 12, 2, 192, 67.44688415527344, 58.71954345703125, 73.75, 72.78021240234375),
	('20251205-155731-711-a32b70', 12, 3, 3, 65.82185363769531, 43.83799362182617, 75.25, 85.70551300048828),
	('20251205-155731-711-a32b70', 12, 4, 106, 64.44570922851562, 61.65781021118164, 77.75, 54.85862731933594),
	('20251205-155731-711-a32b70', 12, 5, 163, 63.9386100769043, 51.18404006958008, 79.75, 65.13331604003906),
	('20251205-155731-711-a32b70', 12, 6, 160, 63.206787109375, 71.01931762695312, 73.75, 42.24686050415039);


--
-- Data for Name: runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.runs VALUES
	('20251205-155729-215-beee85', 'published', 'standard', '{"k": 5, "weights": {"fee": 0.1, "wage": 0.13999999999999999, "popularity": 0.08000000000000002, "access": 0.04000000000000001, "freshness": 0.04000000000000001, "location": 0.12, "category": 0.105, "conditions": 0.075, "history": 0.12, "clicks": 0.09, "collaborative": 0.09}, "model_digest": "96768a8809705d79c36d10968b7933ac", "definition": {"name": "standard", "description": "The default, and what people tune.", "groups": {"base": {"weight": 0.4, "components": {"fee": {"weight": 0.25, "low": 500.0, "high": 5000.0}, "wage": {"weight": 0.35, "curve": [[0.0, 0.0], [1.0, 60.0], [1.2, 80.0], [1.5, 100.0]]}, "popularity": {"weight": 0.2, "days": 360.0, "prior_applications": 1.0, "prior_looks": 20.0, "curve": [[0.0, 0.0], [0.05, 60.0], [0.1, 80.0], [0.15, 100.0]]}, "access": {"weight": 0.1, "start": 25.0, "station": 75.0, "address": 25.0}, "freshness": {"weight": 0.1, "half_life_days": 14.0}}}, "match": {"weight": 0.3, "components": {"location": {"weight": 0.4, "same_city": 100.0, "same_prefecture": 85.0, "adjacent": 60.0, "elsewhere": 20.0}, "category": {"weight": 0.35, "floor": 20.0, "same_major": 0.5, "cosine_share": 0.5}, "conditions": {"weight": 0.25, "other_style": 0.5}}}, "personal": {"weight": 0.3, "components": {"history": {"weight": 0.4, "days": 90.0, "without": 50.0, "start": 25.0, "occupation": 30.0, "wage": 25.0, "prefecture": 20.0, "near": 0.2}, "clicks": {"weight": 0.3, "days": 30.0, "start": 40.0, "occupation": 20.0, "daily_payment": 15.0, "no_experience": 10.0, "student_welcome": 10.0}, "collaborative": {"weight": 0.3, "unknown": 45.0}}}}, "eligibility": {"open": true, "employment_types": null, "min_fee": 0.0, "not_applied": true, "company_cooldown_days": 14.0, "max_per_company": null}}, "clock_set_back": false, "code_version": "0.1.0", "whole": true, "key": "d40fe80a480d439721077b2dcaeda8cc", "facts": {"actions": 600.0, "hourly_wage": 1340.0, "fee": 1000.0}, "gate": {"outcome": "passed", "reason": null, "against": null, "place": "", "notes": [], "measures": {}}, "shards": {"0": 40, "1": 40, "2": 40, "3": 40, "4": 30}, "digests": {"0": "aa0e449462ae6b2fd54491d6e0a88667", "1": "1b432e60c65bbfbcfab7c60f072137ca", "2": "6e47ee944b3cd80fcf72851fcdfaa6ea", "3": "0b60c2b1c3be09f9460d9d1c712bc5e1", "4": "afa948358fb5195c08ec0763d75d23d1"}}', '2046d52fbb8d85a296b9e722af459658', 1764590314000000, 1764950249215886, 1764950249307154, 38, 142, 190),
	('20251205-155731-711-a32b70', 'writing', 'standard', '{"k": 6, "weights": {"fee": 0.1, "wage": 0.13999999999999999, "popularity": 0.08000000000000002, "access": 0.04000000000000001, "freshness": 0.04000000000000001, "location": 0.12, "category": 0.105, "conditions": 0.075, "history": 0.12, "clicks": 0.09, "collaborative": 0.09}, "model_digest": "96768a8809705d79c36d10968b7933ac", "definition": {"name": "standard", "description": "The default, and what people tune.", "groups": {"base": {"weight": 0.4, "components": {"fee": {"weight": 0.25, "low": 500.0, "high": 5000.0}, "wage": {"weight": 0.35, "curve": [[0.0, 0.0], [1.0, 60.0], [1.2, 80.0], [1.5, 100.0]]}, "popularity": {"weight": 0.2, "days": 360.0, "prior_applications": 1.0, "prior_looks": 20.0, "curve": [[0.0, 0.0], [0.05, 60.0], [0.1, 80.0], [0.15, 100.0]]}, "access": {"weight": 0.1, "start": 25.0, "station": 75.0, "address": 25.0}, "freshness": {"weight": 0.1, "half_life_days": 14.0}}}, "match": {"weight": 0.3, "components": {"location": {"weight": 0.4, "same_city": 100.0, "same_prefecture": 85.0, "adjacent": 60.0, "elsewhere": 20.0}, "category": {"weight": 0.35, "floor": 20.0, "same_major": 0.5, "cosine_share": 0.5}, "conditions": {"weight": 0.25, "other_style": 0.5}}}, "personal": {"weight": 0.3, "components": {"history": {"weight": 0.4, "days": 90.0, "without": 50.0, "start": 25.0, "occupation": 30.0, "wage": 25.0, "prefecture": 20.0, "near": 0.2}, "clicks": {"weight": 0.3, "days": 30.0, "start": 40.0, "occupation": 20.0, "daily_payment": 15.0, "no_experience": 10.0, "student_welcome": 10.0}, "collaborative": {"weight": 0.3, "unknown": 45.0}}}}, "eligibility": {"open": true, "employment_types": null, "min_fee": 0.0, "not_applied": true, "company_cooldown_days": 14.0, "max_per_company": null}}, "clock_set_back": false, "code_version": "0.1.0", "whole": true, "key": "78b66525467bd5aa55a85ce83e9f9e3a", "facts": {"actions": 600.0, "hourly_wage": 1340.0, "fee": 1000.0}, "gate": null, "shards": {"0": 36, "1": 36}, "digests": {"0": "a44b4bb76fe0b3651085f84f29b2f74d", "1": "0df1cf5ab34c3be9ac1f956452032a29"}}', '2046d52fbb8d85a296b9e722af459658', 1764590314000000, 1764950251711905, NULL, NULL, NULL, NULL);


--
-- Data for Name: user_factors; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_factors VALUES
	(1, '\x8716d9cef7530040a69bc420b07204c08d976e1283c0da3f931804560e2de2bf'),
	(2, '\xcba145b6f3fddcbfd9cef753e3a5cbbf295c8fc2f52800c01904560e2db2cdbf'),
	(3, '\xae47e17a14aeebbf2fdd240681950a4021b0726891edcc3f643bdf4f8d97d6bf'),
	(4, '\x96438b6ce7fbd1bfc74b37894160e5bfe17a14ae47e1f0bfa01a2fdd2406d9bf'),
	(5, '\x0c022b8716d9de3f643bdf4f8d97cebf0e2db29defa7ee3f9a9999999999c9bf'),
	(6, '\xfa7e6abc7493983f23dbf97e6abcf83f713d0ad7a370e13f295c8fc2f528e0bf'),
	(7, '\x068195438b6cc7bf1d5a643bdf4fe13ff6285c8fc2f5fe3f48e17a14ae47d1bf'),
	(8, '\x08ac1c5a643bcfbfd578e9263108f03f273108ac1c5aecbfe3a59bc420b0d2bf'),
	(9, '\xa8c64b378941ec3f8fc2f5285c8fe23f5a643bdf4f8db73f713d0ad7a370e53f'),
	(10, '\x39b4c876be9f06c0bc7493180456f03fb81e85eb51b8eebf4e62105839b4fabf'),
	(11, '\x448b6ce7fba9d13f3bdf4f8d976ee63f7b14ae47e17adcbf9eefa7c64b37f1bf'),
	(12, '\x39b4c876be9f9a3f894160e5d022abbfe5d022dbf97ef63f8195438b6ce7e73f'),
	(13, '\xa245b6f3fdd4c83f986e1283c0caf13f91ed7c3f355ecabf6f1283c0caa1edbf'),
	(14, '\xe3a59bc420b0e23f0e2db29defa7e23f85eb51b81e85cbbf75931804560ee9bf'),
	(15, '\x1d5a643bdf4fcd3fc1caa145b6f303c014ae47e17a14e63f068195438b6cdf3f'),
	(16, '\xd34d62105839fabf08ac1c5a643baf3f0c022b8716d9eebfd34d62105839e83f'),
	(17, '\x1283c0caa14500c0736891ed7c3fedbfb81e85eb51b8e63fe5d022dbf97ef23f'),
	(18, '\xdd240681954301c0ac1c5a643bdfdfbfcba145b6f3fdd43fb0726891ed7ce3bf'),
	(19, '\xdbf97e6abc74f93f75931804560ef3bfb81e85eb51b8d63ff853e3a59bc4f0bf'),
	(20, '\xe5d022dbf97ef63fba490c022b8796bf022b8716d9ced7bfb0726891ed7cfbbf'),
	(21, '\xb6f3fdd478e9fa3f7f6abc749318e83f54e3a59bc420e83f6891ed7c3f35f23f'),
	(22, '\xbc7493180456d63fa69bc420b072e4bf9a9999999999e9bf9a9999999999e9bf'),
	(23, '\xec51b81e85ebf53f5c8fc2f5285cf7bfdf4f8d976e12e3bf25068195438bd4bf'),
	(24, '\xcdcccccccccccc3f666666666666e23f96438b6ce7fbf3bfae47e17a14aefbbf'),
	(25, '\xfca9f1d24d6270bf068195438b6cf33fd34d62105839e83fd9cef753e3a5cb3f'),
	(26, '\x7d3f355eba49d4bf8d976e1283c0d23fb4c876be9f1acfbfbe9f1a2fdd24ea3f'),
	(27, '\x9cc420b07268e9bff4fdd478e926c13fd122dbf97e6abcbfc74b37894160e13f'),
	(28, '\xcdcccccccccccc3f666666666666044096438b6ce7fbf73fc1caa145b6f3f73f'),
	(29, '\x52b81e85eb5100c0c3f5285c8fc2d5bfb0726891ed7ce3bf75931804560ee13f'),
	(30, '\x08ac1c5a643b02c062105839b4c8f23fdf4f8d976e12f13fa245b6f3fdd4f4bf'),
	(31, '\x8716d9cef753efbf6f1283c0caa1e9bf6abc74931804a63f508d976e1283e43f'),
	(32, '\xfca9f1d24d6200409eefa7c64b37c9bffa7e6abc7493e83fd7a3703d0ad7c33f'),
	(33, '\x295c8fc2f528fc3f5839b4c876bee73f8195438b6ce7f53f736891ed7c3ff1bf'),
	(34, '\xfa7e6abc7493c8bf3f355eba490ceabf14ae47e17a14f83f75931804560ee53f'),
	(35, '\x85eb51b81e85d3bf21b0726891eddcbf0ad7a3703d0adf3f3bdf4f8d976ee6bf'),
	(36, '\x986e1283c0caedbf62105839b4c8de3f4e62105839b40340b0726891ed7ccfbf'),
	(37, '\x986e1283c0cae1bf23dbf97e6abcf2bf5c8fc2f5285cf5bfcdcccccccccce03f'),
	(38, '\x08ac1c5a643beb3f3bdf4f8d976e823f1d5a643bdf4fd53f1904560e2db2bd3f'),
	(39, '\x986e1283c0cac13fd122dbf97e6af8bf1d5a643bdf4fddbfd122dbf97e6abc3f'),
	(40, '\x75931804560ee9bf105839b4c876debf6891ed7c3f35eabf1d5a643bdf4fd5bf');


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES
	(1, '12', '12204', '35-44', 'female', NULL, NULL, 'flexible', 1747255164000000, true, NULL),
	(2, '04', '04100', '25-34', 'male', '601|1304', NULL, 'flexible', 1711277345000000, true, NULL),
	(3, '33', '33100', '18-24', 'female', '1604|1302', 1150, 'flexible', 1722969161000000, true, NULL),
	(4, '22', '22130', '55-64', 'female', '504', NULL, NULL, 1751078394000000, true, NULL),
	(5, '14', '14100', '18-24', 'female', NULL, 1300, 'part_time', 1712812445000000, true, NULL),
	(6, '35', '35206', '45-54', 'female', '1102|501|1403', 1300, 'part_time', 1759439681000000, true, NULL),
	(7, '13', '13123', '25-34', 'female', '1101|1102', 1400, NULL, NULL, true, NULL),
	(8, '14', '14201', '25-34', 'female', '602', 1450, 'flexible', 1727488163000000, true, NULL),
	(9, '13', '13122', '18-24', 'female', '503|803|1602', NULL, 'flexible', 1721553007000000, true, NULL),
	(10, '09', '09201', '18-24', 'male', '110', 1450, 'remote', 1713444886000000, true, NULL),
	(11, '13', '13201', '45-54', 'female', '801', 1550, 'part_time', 1744008230000000, true, NULL),
	(12, '11', '11100', '18-24', 'male', '1202|309|203', NULL, 'part_time', 1698826599000000, true, NULL),
	(13, '05', '05212', '18-24', 'female', NULL, NULL, 'part_time', 1737590567000000, true, NULL),
	(14, '13', NULL, NULL, 'female', '805|111|303|803', NULL, 'remote', 1721268170000000, true, NULL),
	(15, '21', '21204', '35-44', 'female', '201|209|601|206', NULL, 'flexible', 1660169590000000, true, NULL),
	(16, '40', '40100', '18-24', NULL, '1301|1304', 1400, 'part_time', 1712508647000000, true, NULL),
	(17, '20', NULL, '18-24', 'male', '1507|601', NULL, 'part_time', 1657624300000000, true, NULL),
	(18, '14', '14205', '18-24', 'female', NULL, 1250, 'full_time', 1742723754000000, true, NULL),
	(19, '13', '13103', '55-64', 'female', '1601', 1300, 'part_time', 1732948934000000, true, NULL),
	(20, '27', '27209', '25-34', 'female', '401|214', 1350, 'full_time', 1655291134000000, true, NULL),
	(21, '36', '36202', '25-34', 'female', NULL, 1150, 'full_time', 1715672284000000, false, NULL),
	(22, '14', NULL, '35-44', 'male', '705', 1200, 'full_time', 1658037065000000, true, NULL),
	(23, '08', '08202', '45-54', 'female', '102|101', 1050, 'part_time', 1728696549000000, true, NULL),
	(24, '13', '13120', '55-64', 'female', '807', 1200, 'flexible', 1664673399000000, true, NULL),
	(25, '43', NULL, '45-54', 'female', '301|307|105', NULL, 'part_time', 1735477816000000, true, NULL),
	(26, '27', '27205', '18-24', 'female', '101', NULL, NULL, 1715270842000000, true, NULL),
	(27, '07', '07201', '18-24', 'female', '101|115|1403|901', NULL, 'part_time', 1669293504000000, true, NULL),
	(28, '24', '24204', '18-24', NULL, '1302|1304|1006|302', NULL, 'remote', 1763927239000000, true, NULL),
	(29, '14', '14213', '45-54', NULL, '402', 1250, 'part_time', 1662591077000000, true, NULL),
	(30, '40', '40219', '25-34', 'male', '405|209|301', NULL, NULL, 1747359559000000, true, NULL),
	(31, '14', '14100', '35-44', 'male', '1701|1702', NULL, NULL, 1692845311000000, true, NULL),
	(32, '01', '01202', '25-34', 'male', '1802|1110', NULL, 'part_time', 1733627178000000, true, NULL),
	(33, '23', '23201', '25-34', 'female', '507', NULL, 'part_time', 1718551930000000, true, NULL),
	(34, '23', '23206', '18-24', 'male', NULL, 0, 'part_time', 1725452811000000, true, NULL),
	(35, '22', '22214', '25-34', 'female', '1002|1001', 1200, 'part_time', 1764498079000000, true, NULL),
	(36, '28', '28217', '35-44', 'male', '101', 950, 'full_time', 1747680927000000, true, NULL),
	(37, '17', '17201', '25-34', 'female', '1308|402|1301|1202', NULL, NULL, 1717914959000000, true, NULL),
	(38, '28', '28207', '45-54', 'female', NULL, NULL, 'part_time', 1711626772000000, true, NULL),
	(39, '12', '12203', '45-54', 'female', '1702|1806|1004', 1550, 'part_time', 1741175522000000, false, NULL),
	(40, '15', NULL, '18-24', 'female', '702|404|204|308|1503', NULL, 'part_time', 1741489279000000, true, NULL);


--
-- Name: actions actions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (user_id, job_id, action, occurred_at);


--
-- Name: current_runs current_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current_runs
    ADD CONSTRAINT current_runs_pkey PRIMARY KEY (name);


--
-- Name: data_changes data_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.data_changes
    ADD CONSTRAINT data_changes_pkey PRIMARY KEY (table_name);


--
-- Name: job_factors job_factors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_factors
    ADD CONSTRAINT job_factors_pkey PRIMARY KEY (job_id);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);


--
-- Name: occupations occupations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.occupations
    ADD CONSTRAINT occupations_pkey PRIMARY KEY (occupation_code);


--
-- Name: prefecture_adjacency prefecture_adjacency_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prefecture_adjacency
    ADD CONSTRAINT prefecture_adjacency_pkey PRIMARY KEY (prefecture_code, adjacent_code);


--
-- Name: prefectures prefectures_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prefectures
    ADD CONSTRAINT prefectures_pkey PRIMARY KEY (prefecture_code);


--
-- Name: profiles profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (name, version);


--
-- Name: promotions promotions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.promotions
    ADD CONSTRAINT promotions_pkey PRIMARY KEY (number);


--
-- Name: results results_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.results
    ADD CONSTRAINT results_pkey PRIMARY KEY (run_id, user_id, rank);


--
-- Name: runs runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);


--
-- Name: user_factors user_factors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_factors
    ADD CONSTRAINT user_factors_pkey PRIMARY KEY (user_id);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);


--
-- Name: actions_by_job; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX actions_by_job ON public.actions USING btree (job_id, occurred_at, action);


--
-- Name: actions_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX actions_by_time ON public.actions USING btree (occurred_at);


--
-- Name: jobs_by_company; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_by_company ON public.jobs USING btree (company_id);


--
-- Name: jobs_by_external_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_by_external_id ON public.jobs USING btree (external_id);


--
-- Name: users_by_external_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_by_external_id ON public.users USING btree (external_id);


--
-- Name: current_runs current_runs_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current_runs
    ADD CONSTRAINT current_runs_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);


--
-- PostgreSQL database dump complete
--

\unrestrict zgUTOH2XYWHOZbFQDEUPYq6YkAGPju6I8IXTRukxvuCwDQbq2P85KwKm8II91et

