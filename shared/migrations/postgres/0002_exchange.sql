-- Who began a call, and who talked with the customer when: one call may be talked in by several agents.
alter table call add column kind text not null default 'inbound';

create table call_talk (
    call_id bigint not null,
    agent_id bigint not null,
    from_at timestamptz not null,
    until_at timestamptz not null,
    primary key (call_id, agent_id, from_at)
);
create index call_talk_agent on call_talk (agent_id, from_at);
